# Power of two paired ROC curves by pROC, on its own example and on generated scores.
library(pROC)
library(jsonlite)
set.seed(20220914)
outcome <- rep(0:1, c(60, 40))
pairs <- list(list(outcome, outcome + rnorm(100), 0.4 * outcome + rnorm(100)))
data(aSAH)
pairs[[2]] <- list(as.integer(aSAH$outcome == "Poor"), aSAH$s100b, aSAH$ndka)
rows <- list()
for (pair in pairs) {
  a <- roc(pair[[1]], pair[[2]], levels = 0:1, direction = "<")
  b <- roc(pair[[1]], pair[[3]], levels = 0:1, direction = "<")
  needed <- power.roc.test(a, b, power = 0.9, sig.level = 0.01)
  rows[[length(rows) + 1]] <- list(
    labels = pair[[1]], a = pair[[2]], b = pair[[3]], ncases = needed$ncases,
    power = power.roc.test(a, b)$power
  )
}
write(toJSON(rows, digits = NA, auto_unbox = TRUE), "planning.json")
