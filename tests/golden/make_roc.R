# Sensitivities at specificities, with a band, by pROC, for rin/stats/roc.py:
#
#   Rscript make_roc.R roc.json
#
# R 4.2.2, pROC 1.18.0 (Debian: r-base-core, r-cran-proc, r-cran-jsonlite).
suppressMessages({
  library(pROC)
  library(jsonlite)
})
specificities <- c(0, 0.1, 0.33, 0.5, 0.75, 0.8, 0.9, 0.95, 1)

golden <- function(name, labels, scores, intervals = FALSE) {
  curve <- roc(labels, scores, levels = c(0, 1), direction = "<", quiet = TRUE)
  at <- coords(curve, x = specificities, input = "specificity", ret = "sensitivity",
               transpose = FALSE)$sensitivity
  case <- list(name = name, labels = labels, scores = scores, specificity = specificities,
               sensitivity = at)
  if (intervals) {
    set.seed(1)
    some <- c(0.5, 0.75, 0.9)
    band <- ci.se(curve, specificities = some, boot.n = 10000, boot.stratified = FALSE,
                  progress = "none")
    case$band <- list(specificity = some, low = unname(band[, 1]), high = unname(band[, 3]))
  }
  case
}

set.seed(2026)
data(aSAH)
poor <- as.integer(aSAH$outcome == "Poor")
labels <- rep(0:1, c(40, 25))
cases <- list(
  golden("aSAH s100b", poor, aSAH$s100b, intervals = TRUE),
  golden("aSAH ndka", poor, aSAH$ndka),
  golden("aSAH wfns, ties", poor, as.integer(aSAH$wfns)),
  golden("one decimal, ties", labels, round(rnorm(65) + labels, 1)),
  golden("perfect", labels, labels + 0),
  golden("worse than chance", labels, rnorm(65) - labels)
)
path <- commandArgs(trailingOnly = TRUE)[1]
write_json(cases, path, digits = NA, auto_unbox = TRUE, pretty = TRUE)
