# Reference values for rin.stats.synthesis, from metafor.  Run: Rscript make_synthesis.R > synthesis.json
# Debian: r-cran-metafor, r-cran-jsonlite.
suppressMessages({library(metafor); library(jsonlite)})

one <- function(y, v, cluster) {
  plain <- rma(y, v, method = "REML", test = "knha", control = list(threshold = 1e-12, maxiter = 10000))
  apart <- predict(plain)
  corrected <- rma(y, v, method = "REML", test = "adhoc", control = list(threshold = 1e-12, maxiter = 10000))
  moderator <- seq_along(y) %% 2
  moderated <- rma.mv(y, v, mods = ~ moderator, random = ~ 1 | cluster / id, method = "REML", test = "t",
                      data = data.frame(cluster = cluster, id = seq_along(y)),
                      control = list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-16, maxit = 5000))
  levels <- rma.mv(y, v, random = ~ 1 | cluster / id, method = "REML", test = "t",
                   data = data.frame(cluster = cluster, id = seq_along(y)),
                   control = list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-16, maxit = 5000))
  list(
    y = y, v = v, cluster = cluster,
    random_effects = list(
      estimate = c(plain$b), standard_error = plain$se, ci_low = plain$ci.lb, ci_high = plain$ci.ub,
      p_value = plain$pval, tau2 = plain$tau2,
      prediction_low = apart$pi.lb, prediction_high = apart$pi.ub),
    corrected = list(
      estimate = c(corrected$b), standard_error = corrected$se, ci_low = corrected$ci.lb,
      ci_high = corrected$ci.ub, p_value = corrected$pval),
    moderator = moderator,
    moderated = list(estimate = c(moderated$b), standard_error = moderated$se),
    three_level = list(
      estimate = c(levels$b), standard_error = levels$se,
      between = levels$sigma2[1], within = levels$sigma2[2]))
}

set.seed(20220914)
cases <- list(
  # Seven fully tuned comparisons of arXiv 2302.08272, variances (SD1^2 + SD2^2) / 5, two clusters made up.
  one(c(-2.1, -2.3, 0.1, -1.4, -2.2, -3.4, -6.7),
      c(4.1^2 + 8.8^2, 4.2^2 + 3.8^2, .2^2 + .4^2, 12.2^2 + 4.3^2, 6.3^2 + 1.1^2, .8^2 + 1.3^2, 2.3^2 + 1.1^2) / 5,
      c(1, 1, 2, 2, 2, 3, 3)))
for (k in c(5, 12, 30)) {
  cluster <- rep(seq_len(ceiling(k / 3)), each = 3)[seq_len(k)]
  v <- round(rexp(k) + .2, 4)
  y <- round(1.5 + rnorm(max(cluster), sd = 2)[cluster] + rnorm(k, sd = 1) + rnorm(k, sd = sqrt(v)), 4)
  cases[[length(cases) + 1]] <- one(y, v, cluster)
}
cases[[length(cases) + 1]] <- one(c(1.0, 1.1, 0.9, 1.05), c(1, 2, 1.5, 1), c(1, 1, 2, 2))
cat(toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = 1))
