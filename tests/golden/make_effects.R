# Reference values for rin.stats.effects: means of estimates of known covariance, each backbone once,
# with random effects of the backbone, of the seed that some pairs share, and of the pair; also with
# fixed backbones, and with pairs that are fine-tuned in one or two folds (training sets).  The fit is metafor's; Satterthwaite's degrees of freedom are written out in base
# R from the expected information of the restricted likelihood.
# Run: Rscript make_effects.R > effects.json
# Debian: r-cran-metafor, r-cran-jsonlite.
suppressMessages({library(metafor); library(jsonlite)})

satterthwaite <- function(V, Z, X, W, sigma2, keep) {
  M <- V
  for (j in seq_along(Z)) M <- M + sigma2[j] * tcrossprod(Z[[j]])
  w <- solve(M)
  P <- w - w %*% X %*% solve(t(X) %*% w %*% X) %*% t(X) %*% w
  counted <- which(keep)
  information <- outer(counted, counted, Vectorize(function(a, b)
    sum(diag(P %*% tcrossprod(Z[[a]]) %*% P %*% tcrossprod(Z[[b]]))) / 2))
  gradient <- sapply(counted, function(a) c(t(W) %*% tcrossprod(Z[[a]]) %*% W))
  variance <- c(t(W) %*% M %*% W)
  max(1, 2 * variance^2 / c(t(gradient) %*% solve(information) %*% gradient))
}

one <- function(y, V, backbone, seed, pair = seq_along(y), fold = NULL) {
  k <- length(y)
  # Each backbone once, of it each pair once, of that each fold once.
  each <- table(unique(data.frame(backbone, pair))$backbone)
  W <- c(1 / each[as.character(backbone)]) / table(pair)[as.character(pair)]; W <- c(W / sum(W))
  data <- data.frame(backbone = backbone, seed = seed, pair = pair, row = seq_len(k))
  if (!is.null(fold)) data$fold <- fold
  member <- function(x) model.matrix(~ 0 + factor(x))
  fitted <- function(effects, X, mods) {
    formulas <- list(pair = ~ 1 | pair, backbone = ~ 1 | backbone, seed = ~ 1 | seed,
                     fold = ~ 1 | fold, training = ~ 1 | row)[effects]
    control <- list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 20000)
    if (!is.null(fold)) control <- list(optimizer = "nlminb", rel.tol = 1e-9, eval.max = 2000, iter.max = 2000)
    fit <- rma.mv(y, V, mods = mods, random = unname(formulas), data = data, method = "REML",
                  control = control)
    sigma2 <- ifelse(fit$sigma2 < 1e-3, 0, fit$sigma2)  # its search stops a little above zero
    Z <- list(pair = member(pair), backbone = member(backbone), seed = member(seed),
              fold = if (!is.null(fold)) member(fold), training = diag(k))[effects]
    keep <- sigma2 > 0; keep[1] <- TRUE
    M <- V
    for (a in seq_along(Z)) M <- M + sigma2[a] * tcrossprod(Z[[a]])
    list(estimate = sum(W * y), standard_error = sqrt(c(t(W) %*% M %*% W)),
         df = satterthwaite(V, Z, X, W, sigma2, keep), variances = as.list(setNames(sigma2, effects)))
  }
  result <- list(y = y, V = V, backbone = backbone, seed = seed)
  if (!is.null(fold)) {
    result <- c(result, list(pair = pair, fold = fold))
    effects <- c("training", "backbone", "pair", "seed", "fold")
    result$random <- fitted(effects, matrix(1, k), ~ 1)
    result$fixed <- fitted(effects[-2], member(backbone), ~ 0 + factor(backbone))
    return(result)
  }
  shared <- any(table(seed) > 1)  # else the seed cannot be told from the pair
  result$random <- fitted(c("pair", "backbone", if (shared) "seed"), matrix(1, k), ~ 1)
  # Each backbone its own mean: theirs, averaged.
  result$fixed <- fitted(c("pair", if (shared) "seed"), member(backbone), ~ 0 + factor(backbone))
  # metafor's own error of the weighted mean.
  effects <- list(~ 1 | pair, ~ 1 | backbone, if (shared) ~ 1 | seed)
  once <- rma.mv(y, V, W = W, random = Filter(Negate(is.null), effects), data = data,
                 method = "REML", control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-15, maxit = 20000))
  result$metafor <- list(standard_error = once$se)
  result
}

shared_patients <- function(sds, correlation) {
  covariance <- outer(sds, sds) * correlation
  diag(covariance) <- sds^2
  round(covariance, 6)
}

set.seed(20261125)
designs <- list(
  # Four backbones whose first two pretrainings share a seed, as does the third of two.
  list(backbone = c(1, 1, 1, 2, 2, 3, 3, 3, 4, 4), seed = c(1, 2, 3, 1, 2, 1, 2, 3, 1, 2)),
  # Eight, of which the later ones have seeds of their own.
  list(backbone = c(1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 6, 7, 8),
       seed = c(1, 2, 3, 1, 2, 11, 1, 2, 3, 1, 2, 12, 13, 14, 15, 16)),
  # Three a backbone, no seed shared; and one each.
  list(backbone = rep(1:4, each = 3), seed = 1:12))
cases <- list()
for (design in designs) for (sds in list(c(0, 2, 3), c(4, 3, 0), c(0.5, 6, 4))) {
  k <- length(design$backbone)
  V <- shared_patients(runif(k, 0.6, 3), 0.2)
  y <- 1 + sds[1] * rnorm(8)[design$backbone] + sds[2] * rnorm(k) + sds[3] * rnorm(16)[design$seed]
  y <- round(y + c(t(chol(V)) %*% rnorm(k)), 4)
  cases[[length(cases) + 1]] <- one(y, V, design$backbone, design$seed)
}
set.seed(20261128)
# Ten pairs in the first fold, of which seven, and two further ones, are in the second.
backbone <- c(1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 3, 4)
seed <- c(1, 2, 3, 1, 2, 1, 2, 3, 1, 2, 2, 3, 1, 2, 1, 3, 1, 8, 9)
pair <- c(1:10, 2:5, 6, 8, 9, 11, 12)
fold <- rep(1:2, c(10, 9))
for (sds in list(c(0, 3, 2, 3, 0), c(4, 3, 1, 0, 2), c(1, 4, 3, 6, 1))) {
  V <- shared_patients(runif(19, 0.6, 3), 0.2)
  V[fold[row(V)] != fold[col(V)]] <- V[fold[row(V)] != fold[col(V)]] / 3  # some patients are in both
  y <- sds[1] * rnorm(4)[backbone] + sds[2] * rnorm(12)[pair] + sds[3] * rnorm(9)[seed] +
    sds[4] * rnorm(2)[fold] + sds[5] * rnorm(19)
  y <- round(y + c(t(chol(V)) %*% rnorm(19)), 4)
  cases[[length(cases) + 1]] <- one(y, V, backbone, seed, pair, fold)
}
cat(toJSON(cases, digits = NA, auto_unbox = TRUE, pretty = 1))
