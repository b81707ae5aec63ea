# Outside values for patients with several images, and of the signed-rank test:
#
#   Rscript make_clustered.R proc_golden.json clustered.json
#
# R 4.2.2 (Debian: r-base-core, r-cran-jsonlite).  No package of Debian's R has Obuchowski's
# variance, and clinfun and MRMCaov, which only CRAN has, were not available.  In their place it is
# written out here as the paper states it (Biometrics 1997;53:567-578), by loops over patients and
# pairs, and once more in tests/stats/test_delong.py; `wilcox.test` is R's own.
suppressMessages(library(jsonlite))

beats <- function(x, y) (x > y) + (x == y) / 2

obuchowski <- function(labels, scores, clusters) {
  k <- length(scores)
  patients <- unique(clusters)
  size <- function(class) sapply(patients, function(p) sum(clusters == p & labels == class))
  m <- size(1)
  n <- size(0)
  M <- sum(m)
  N <- sum(n)
  theta <- numeric(k)
  X <- Y <- matrix(0, k, length(patients))
  for (r in seq_len(k)) {
    x <- scores[[r]][labels == 1]
    y <- scores[[r]][labels == 0]
    theta[r] <- mean(outer(x, y, beats))
    for (i in seq_along(patients)) {
      own <- clusters == patients[i]
      for (a in scores[[r]][own & labels == 1]) X[r, i] <- X[r, i] + mean(beats(a, y))
      for (b in scores[[r]][own & labels == 0]) Y[r, i] <- Y[r, i] + mean(beats(x, b))
    }
  }
  X <- X - outer(theta, m)
  Y <- Y - outer(theta, n)
  I10 <- sum(m > 0)
  I01 <- sum(n > 0)
  I <- length(patients)
  S10 <- I10 / ((I10 - 1) * M) * X %*% t(X)
  S01 <- I01 / ((I01 - 1) * N) * Y %*% t(Y)
  S11 <- I / (I - 1) * X %*% t(Y)
  list(auc = theta, covariance = S10 / M + S01 / N + S11 / (M * N) + t(S11) / (M * N))
}

signed_rank <- function(x, y) {
  test <- suppressWarnings(wilcox.test(x, y, paired = TRUE))
  list(x = x, y = y, V = unname(test$statistic), p = test$p.value)
}

files <- commandArgs(trailingOnly = TRUE)
given <- read_json(files[1], simplifyVector = FALSE)
aSAH <- lapply(given$aSAH[c("labels", "wfns", "s100b", "ndka")], unlist)
n <- length(aSAH$labels)
# Which case belongs to which patient is made up: mixed within a patient; the same with one
# patient of a third of all cases; of one class each; one case a patient.
groupings <- list(
  mixed = (seq_len(n) * 7) %% 31,
  unequal = ifelse(seq_len(n) %% 3 == 0, 0, seq_len(n) %% 19),
  of_one_class = aSAH$labels * 100 + seq_len(n) %% 11,
  single = seq_len(n)
)
clustered <- lapply(groupings, function(clusters) {
  c(list(clusters = clusters), obuchowski(aSAH$labels, aSAH[-1], clusters))
})

pairs <- lapply(given$stats, function(case) signed_rank(unlist(case$x), unlist(case$y)))
made <- list(
  zeros = signed_rank(c(3, 1, 4, 1, 5, 9, 2, 6), c(2, 1, 0, 3, 5, 2, 8, 1)),
  ties = signed_rank(c(3, 1, 4, 1, 5, 9, 2, 6), c(2, 2, 3, 3, 7, 4, 4, 1)),
  ties_and_zeros = signed_rank(c(1, 2, 3, 4, 5, 6), c(1, 1, 2, 3, 7, 8)),
  even = signed_rank(c(1, 2, 3, 4), c(2, 1, 5, 2)),
  pair = signed_rank(c(2, 5), c(1, 1)),
  no_difference = signed_rank(c(1, 2, 3), c(1, 2, 3)),
  forty_nine = signed_rank(sqrt(1:49), 4 + cos(1:49)),
  fifty = signed_rank(sqrt(1:50), 4 + cos(1:50))
)
write_json(
  list(
    meta = list(R = R.version.string),
    aSAH = aSAH, clustered = clustered, signed_rank = c(pairs, unname(made)),
    names = c(rep("drawn", length(pairs)), names(made))
  ),
  files[2], auto_unbox = TRUE, digits = NA, na = "string"
)
