# The highest sensitivity of pROC's thresholds at a fixed specificity, for rin/stats/clinical.py:
#
#   Rscript make_operating_golden.R operating_golden.json
#
# R 4.2.2, pROC 1.18.0 (Debian: r-base-core, r-cran-proc, r-cran-jsonlite).
suppressMessages({
  library(pROC)
  library(jsonlite)
})
specificities <- c(0, 0.25, 0.5, 0.8, 0.9, 0.95, 0.975, 1)

golden <- function(name, labels, scores, intervals = FALSE) {
  curve <- roc(labels, scores, levels = c(0, 1), direction = "<", quiet = TRUE)
  points <- coords(curve, x = "all", ret = c("specificity", "sensitivity"), transpose = FALSE)
  at <- sapply(specificities, function(s)
    max(points$sensitivity[points$specificity >= s - 1e-12]))
  case <- list(name = name, labels = labels, scores = scores, specificity = specificities,
               sensitivity = at)
  if (intervals) {
    set.seed(1)
    drawn <- t(replicate(4000, {
      cases <- sample(length(labels), replace = TRUE)
      again <- roc(labels[cases], scores[cases], levels = c(0, 1), direction = "<", quiet = TRUE)
      points <- coords(again, x = "all", ret = c("specificity", "sensitivity"), transpose = FALSE)
      sapply(c(0.9, 0.95), function(s) max(points$sensitivity[points$specificity >= s - 1e-12]))
    }))
    case$ci <- list(specificity = c(0.9, 0.95),
                    low = unname(apply(drawn, 2, quantile, 0.025)),
                    high = unname(apply(drawn, 2, quantile, 0.975)))
  }
  case
}

set.seed(2022)
data(aSAH)
poor <- as.integer(aSAH$outcome == "Poor")
labels <- rep(0:1, c(40, 25))
cases <- list(
  golden("aSAH s100b", poor, aSAH$s100b, intervals = TRUE),
  golden("aSAH ndka", poor, aSAH$ndka, intervals = TRUE),
  golden("aSAH wfns, ties", poor, as.integer(aSAH$wfns)),
  golden("one decimal, ties", labels, round(rnorm(65) + labels, 1)),
  golden("ten negatives, 0.9 is a point of the curve", rep(0:1, c(10, 5)),
         c(1:10, 3, 7, 9.5, 9.5, 12)),
  golden("constant", labels, rep(1, 65)),
  golden("perfect", labels, labels + 0),
  golden("reversed", labels, 1 - labels)
)
path <- commandArgs(trailingOnly = TRUE)[1]
write_json(cases, path, digits = NA, auto_unbox = TRUE, pretty = TRUE)
