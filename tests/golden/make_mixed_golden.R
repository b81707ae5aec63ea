# Reference fits of a linear mixed model with crossed random effects, and Holm's P values:
#
#   Rscript make_mixed_golden.R mixed_golden.json
#
# R 4.2.2, lme4, lmerTest, nlme, jsonlite (Debian: r-cran-lme4, r-cran-lmertest, r-cran-nlme).
suppressMessages({
  library(lme4)
  library(lmerTest)
  library(nlme)
  library(jsonlite)
})

grid_of <- function(scenarios, folds, scenario_sd, fold_sd, residual_sd, lead) {
  runs <- expand.grid(
    init = c("a", "b"), fold = seq_len(folds) - 1, scenario = paste0("s", seq_len(scenarios)),
    stringsAsFactors = FALSE
  )
  of_scenario <- rnorm(scenarios, 0, scenario_sd)
  of_fold <- rnorm(folds, 0, fold_sd)
  runs$auc <- round(
    0.8 + of_scenario[as.integer(factor(runs$scenario, unique(runs$scenario)))] +
      of_fold[runs$fold + 1] + lead * (runs$init == "a") + rnorm(nrow(runs), 0, residual_sd), 4
  )
  runs
}

sd_of <- function(fit, group) {
  table <- as.data.frame(VarCorr(fit))
  table$sdcor[table$grp == group]
}

fitted_case <- function(runs) {
  runs$is_a <- as.numeric(runs$init == "a")
  several <- length(unique(runs$fold)) > 1
  model <- if (several) {
    auc ~ is_a + (1 | scenario) + (1 | fold)
  } else {
    auc ~ is_a + (1 | scenario)
  }
  tight <- lmerControl(
    optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), check.conv.singular = "ignore"
  )
  fit <- lmer(model, data = runs, REML = TRUE, control = tight)
  row <- coef(summary(fit))["is_a", ]
  list(
    runs = runs[c("scenario", "fold", "init", "auc")],
    estimate = unname(row["Estimate"]), standard_error = unname(row["Std. Error"]),
    satterthwaite_df = unname(row["df"]), p_value = unname(row["Pr(>|t|)"]),
    scenario_sd = sd_of(fit, "scenario"), fold_sd = if (several) sd_of(fit, "fold") else NULL,
    residual_sd = sigma(fit), singular = isSingular(fit, tol = 1e-4)
  )
}

nlme_case <- function(runs) {
  runs$is_a <- as.numeric(runs$init == "a")
  fit <- lme(auc ~ is_a, random = ~ 1 | scenario, data = runs, method = "REML")
  row <- summary(fit)$tTable["is_a", ]
  list(
    estimate = unname(row["Value"]), standard_error = unname(row["Std.Error"]),
    df = unname(row["DF"]), p_value = unname(row["p-value"])
  )
}

set.seed(20221102)
crossed <- grid_of(8, 5, 0.05, 0.03, 0.02, 0.03)
one_fold <- grid_of(12, 1, 0.05, 0, 0.02, 0.02)
flat_folds <- grid_of(6, 3, 0.05, 0, 0.02, 0.03)
flat_folds$auc <- round(flat_folds$auc - ave(flat_folds$auc, flat_folds$fold) + 0.8, 4)
flat <- grid_of(6, 4, 0, 0, 0.04, 0.01)
uneven <- crossed[-c(3, 10, 11, 40, 77), ]
families <- list(
  c(0.01, 0.04, 0.03, 0.005), c(0.2, 0.0004, 0.03, 0.03, 0.9, 0.012, 0.5, 0.049), c(0.6, 0.7)
)
golden <- list(
  meta = list(
    R = R.version.string, lme4 = as.character(packageVersion("lme4")),
    lmerTest = as.character(packageVersion("lmerTest")), nlme = as.character(packageVersion("nlme"))
  ),
  mixed = list(
    crossed = fitted_case(crossed), one_fold = fitted_case(one_fold),
    flat_folds = fitted_case(flat_folds), flat = fitted_case(flat), uneven = fitted_case(uneven)
  ),
  nlme = nlme_case(one_fold),
  holm = lapply(families, function(p) list(p = p, adjusted = p.adjust(p, "holm")))
)
write(
  toJSON(golden, digits = NA, auto_unbox = TRUE, dataframe = "columns", pretty = TRUE, null = "null"),
  commandArgs(trailingOnly = TRUE)[1]
)
