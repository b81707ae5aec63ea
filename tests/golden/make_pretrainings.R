# Reference values for rin.stats.synthesis.three_level: estimates of known covariance, random effects
# of a cluster (here the backbone) and of each estimate within it.
# Run: Rscript make_pretrainings.R > pretrainings.json
# Debian: r-cran-metafor, r-cran-jsonlite.
suppressMessages({library(metafor); library(jsonlite)})

pooled <- function(y, V, backbone) {
  pair <- seq_along(y)
  single <- length(unique(backbone)) %in% c(1, length(y))
  control <- list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-16, maxit = 10000)
  arguments <- list(yi = y, V = V, method = "REML", test = "t", control = control,
                    data = data.frame(backbone = backbone, pair = pair))
  arguments <- c(arguments, if (single) list(random = ~ 1 | pair) else
                              list(random = ~ 1 | backbone / pair, dfs = "contain"))
  model <- do.call(rma.mv, arguments)
  list(
    y = y, V = V, backbone = backbone,
    expected = list(
      estimate = c(model$b), standard_error = model$se, ci_low = model$ci.lb,
      ci_high = model$ci.ub, p_value = model$pval, df = c(model$ddf),
      between = if (single) NA else model$sigma2[1],
      within = if (single) model$sigma2 else model$sigma2[2],
      q = model$QE, q_df = length(y) - 1, q_p = model$QEp))
}

shared_patients <- function(sds, correlation) {
  covariance <- outer(sds, sds) * correlation
  diag(covariance) <- sds^2
  round(covariance, 6)
}

set.seed(20221122)
cases <- list()
for (repeats in c(1, 2, 3)) {
  for (spread in c(0.5, 4)) {
    backbone <- rep(1:4, each = repeats)
    sds <- runif(4 * repeats, 1, 4)
    V <- shared_patients(sds, 0.4)
    noise <- c(t(chol(V)) %*% rnorm(4 * repeats))
    y <- round(-2 + spread * rnorm(4)[backbone] + spread * rnorm(4 * repeats) + noise, 4)
    cases[[length(cases) + 1]] <- pooled(y, V, backbone)
  }
}
# One backbone, and pairs that hardly differ.
cases[[length(cases) + 1]] <- pooled(c(3, -4.5, 1.2), shared_patients(c(1, 2, 1.5), 0.3), c(1, 1, 1))
cases[[length(cases) + 1]] <- pooled(c(-2, -2.1, -1.9, -2.05, -2, -1.95),
                                     shared_patients(c(2, 2.5, 2, 3, 2, 2.2), 0.5), c(1, 1, 2, 2, 3, 3))
# Some backbones pretrained more often than others.
for (backbone in list(c(1, 1, 2, 3, 4), c(1, 1, 1, 2, 2, 3, 4, 4))) {
  sds <- runif(length(backbone), 1, 4)
  V <- shared_patients(sds, 0.4)
  y <- round(1 + 3 * rnorm(4)[backbone] + 2 * rnorm(length(backbone)), 4)
  cases[[length(cases) + 1]] <- pooled(y, V, backbone)
}
cat(toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = 1, na = "null"))
