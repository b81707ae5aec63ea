# Recompute every outside value of a golden file from the inputs stored in it:
#
#   Rscript make_golden.R proc_golden.json new.json
#
# R 4.2.2, pROC 1.18.0 (Debian: r-base-core, r-cran-proc, r-cran-jsonlite).
suppressMessages({
  library(pROC)
  library(jsonlite)
})

curve <- function(labels, scores) {
  roc(unlist(labels), unlist(scores), levels = c(0, 1), direction = "<", quiet = TRUE)
}

paired_case <- function(case) suppressWarnings({
  one <- curve(case$labels, case$pred1)
  two <- curve(case$labels, case$pred2)
  test <- roc.test(one, two, method = "delong", paired = TRUE)
  modifyList(case, list(
    auc1 = as.numeric(one$auc), auc2 = as.numeric(two$auc),
    var1 = var(one), var2 = var(two), cov = cov(one, two),
    ci1 = as.numeric(ci.auc(one)), ci2 = as.numeric(ci.auc(two)),
    Z = unname(test$statistic), p = test$p.value, diff_ci = as.numeric(test$conf.int)
  ))
})

stats_case <- function(case) {
  x <- unlist(case$x)
  y <- unlist(case$y)
  paired <- t.test(x, y, paired = TRUE)
  pooled <- t.test(x, y, var.equal = TRUE)
  modifyList(case, list(
    t = unname(paired$statistic), df = unname(paired$parameter), p = paired$p.value,
    ci = as.numeric(paired$conf.int), mean_diff = mean(x - y),
    pooled = list(
      t = unname(pooled$statistic), df = unname(pooled$parameter), p = pooled$p.value,
      ci = as.numeric(pooled$conf.int)
    )
  ))
}

covariance_matrix <- function(curves) {
  entry <- function(i, j) if (i == j) var(curves[[i]]) else cov(curves[[i]], curves[[j]])
  outer(seq_along(curves), seq_along(curves), Vectorize(entry))
}

asah_case <- function() {
  data(aSAH)
  labels <- as.integer(aSAH$outcome == "Poor")
  curves <- lapply(list(as.numeric(aSAH$wfns), aSAH$s100b, aSAH$ndka), curve, labels = labels)
  list(
    labels = labels, wfns = as.numeric(aSAH$wfns), s100b = aSAH$s100b, ndka = aSAH$ndka,
    covariance = covariance_matrix(curves)
  )
}

files <- commandArgs(trailingOnly = TRUE)
golden <- fromJSON(files[1], simplifyVector = FALSE)
golden <- list(
  meta = list(
    R = R.version.string, pROC = as.character(packageVersion("pROC")),
    levels = c(0, 1), direction = "<"
  ),
  aSAH = asah_case(),
  paired = lapply(golden$paired, paired_case),
  edge = lapply(golden$edge, paired_case),
  stats = lapply(golden$stats, stats_case)
)
write_json(golden, files[2], auto_unbox = TRUE, digits = NA, na = "string", null = "null")
