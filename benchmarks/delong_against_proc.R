# pROC's side of delong_against_proc.py, which calls it:
#
#   Rscript delong_against_proc.R FOLDER N ROUNDS
#
# FOLDER holds labels, scores_a and scores_b as N doubles each.  One line a round: seconds on the
# clock and of CPU for building both curves, the same for the test, then Z and P.
suppressMessages(library(pROC))

arguments <- commandArgs(trailingOnly = TRUE)
n <- as.integer(arguments[2])
values <- function(name) readBin(file.path(arguments[1], name), "double", n)
labels <- values("labels")
scores_a <- values("scores_a")
scores_b <- values("scores_b")

seconds <- function(times) c(times[["elapsed"]], times[["user.self"]] + times[["sys.self"]])
curve <- function(scores) {
  roc(labels, scores, levels = c(0, 1), direction = "<", quiet = TRUE)
}

for (round in seq_len(as.integer(arguments[3]))) {
  build <- system.time({
    one <- curve(scores_a)
    two <- curve(scores_b)
  })
  compare <- system.time(
    test <- roc.test(one, two, method = "delong", paired = TRUE)
  )
  figures <- c(seconds(build), seconds(compare), unname(test$statistic), test$p.value)
  cat(format(figures, digits = 17, trim = TRUE), "\n")
}
