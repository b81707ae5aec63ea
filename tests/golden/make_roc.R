# Partial AUCs and sensitivities at specificities by pROC, for rin/stats/roc.py:
#
#   Rscript make_roc.R roc.json
#
# R 4.2.2, pROC 1.18.0 (Debian: r-base-core, r-cran-proc, r-cran-jsonlite).
suppressMessages({
  library(pROC)
  library(jsonlite)
})
ranges <- list(c(0.9, 1), c(0.8, 0.95), c(0.33, 0.71), c(0, 1))
specificities <- c(0, 0.1, 0.33, 0.5, 0.75, 0.8, 0.9, 0.95, 1)

partial <- function(curve, range, focus, correct) suppressWarnings(
  as.numeric(auc(curve, partial.auc = rev(range), partial.auc.focus = focus,
                 partial.auc.correct = correct, allow.invalid.partial.auc.correct = TRUE)))

golden <- function(name, labels, scores, intervals = FALSE) {
  curve <- roc(labels, scores, levels = c(0, 1), direction = "<", quiet = TRUE)
  rows <- list()
  for (focus in c("specificity", "sensitivity")) for (range in ranges)
    rows[[length(rows) + 1]] <- list(
      focus = focus, between = range, plain = partial(curve, range, focus, FALSE),
      corrected = partial(curve, range, focus, TRUE))
  at <- coords(curve, x = specificities, input = "specificity", ret = "sensitivity",
               transpose = FALSE)$sensitivity
  case <- list(name = name, labels = labels, scores = scores, partial = rows,
               specificity = specificities, sensitivity = at)
  if (intervals) {
    set.seed(1)
    some <- c(0.5, 0.75, 0.9)
    band <- ci.se(curve, specificities = some, boot.n = 10000, boot.stratified = FALSE,
                  progress = "none")
    auc(curve, partial.auc = c(1, 0.8)) -> area
    around <- ci.auc(area, method = "bootstrap", boot.n = 10000, boot.stratified = FALSE,
                     progress = "none")
    case$band <- list(specificity = some, low = unname(band[, 1]), high = unname(band[, 3]))
    case$ci <- list(between = c(0.8, 1), low = around[1], high = around[3])
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
