# Outside values for patients with several images:
#
#   Rscript make_clustered.R proc_golden.json clustered.json
#
# R 4.2.2 (Debian: r-base-core, r-cran-jsonlite).  No package of Debian's R has Obuchowski's
# variance, and clinfun and MRMCaov, which only CRAN has, were not available.  In their place it is
# written out here as the paper states it (Biometrics 1997;53:567-578), by loops over patients and
# pairs, and once more in tests/stats/test_delong.py.
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

write_json(
  list(meta = list(R = R.version.string), aSAH = aSAH, clustered = clustered),
  files[2], auto_unbox = TRUE, digits = NA, na = "string"
)
