# Makes reference.json: Rscript reference.R > reference.json (R 4.2.2, no packages).
# The tests read reference.json; R is not needed to run them.
set.seed(20250612)
o <- function(...) cat(..., "\n", sep="")
f <- function(x) paste(sprintf("%.17g", x), collapse=",")
cat("{\n")
cat(' "made_by": "', R.version.string, '",\n', sep="")
# depression data, Hollander & Wolfe (1973), p. 29f, as in ?wilcox.test
x <- c(1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30)
y <- c(0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29)
w <- wilcox.test(x, y, paired=TRUE, alternative="greater")
stopifnot(w$statistic == 40)
cat(' "depression": {"x": [', f(x), '], "y": [', f(y), '], "v": ', w$statistic, ', "p_greater": ', f(w$p.value), '},\n', sep="")
# exact tests and intervals of log ratios
cat(' "samples": [\n')
first <- TRUE
for (n in c(6,7,8,9,10,12,15,20,25,30,40,49,80,160)) for (k in 1:3) {
  l <- rnorm(n, c(0,0.3,-0.1)[k], c(0.05,0.2,0.5)[k])
  r <- exp(l); l <- log(r)
  lev <- c(0.95, 1-0.05/3, 0.99)[k]
  if (2^-n > (1-lev)/2) lev <- 0.9
  m <- log(c(1,1.3,0.95)[k])
  w <- wilcox.test(l, mu=m, exact=TRUE, conf.int=TRUE, conf.level=lev)
  lo <- wilcox.test(l, mu=m, exact=TRUE, alternative="less")$p.value
  hi <- wilcox.test(l, mu=m, exact=TRUE, alternative="greater")$p.value
  if (!first) cat(",\n"); first <- FALSE
  cat('  {"ratios": [', f(r), '], "level": ', f(lev),
      ', "estimate": ', f(exp(w$estimate)), ', "low": ', f(exp(w$conf.int[1])), ', "high": ', f(exp(w$conf.int[2])),
      ', "limit": ', f(exp(m)), ', "p_below": ', f(lo), ', "p_above": ', f(hi), '}', sep="")
}
cat("\n ],\n")
# Clopper-Pearson
cat(' "shares": [\n'); first <- TRUE
for (q in list(c(0,1),c(0,14),c(1,10),c(5,10),c(599989,600000),c(1000000,1000000),c(3,3412),c(999,1000),c(148219,148220))) for (lev in c(0.95,0.99)) {
  b <- binom.test(q[1], q[2], conf.level=lev)
  if (!first) cat(",\n"); first <- FALSE
  cat('  {"hits": ', sprintf("%.0f",q[1]), ', "of": ', sprintf("%.0f",q[2]), ', "level": ', f(lev), ', "low": ', f(b$conf.int[1]), ', "high": ', f(b$conf.int[2]), '}', sep="")
}
cat("\n ],\n")
# ranks of order statistics: smallest interval with at most (1-level)/2 in each tail
cat(' "ranks": [\n'); first <- TRUE
for (n in c(10,100,499,500,1000,12000,100000,1000000)) for (q in c(0.5,0.95,0.99,0.999)) {
  t <- 0.025
  r <- qbinom(t, n, q); while (pbinom(r, n, q) <= t) r <- r+1; while (r>0 && pbinom(r-1, n, q) > t) r <- r-1
  s <- qbinom(1-t, n, q); while (pbinom(s, n, q) < 1-t) s <- s+1; while (s>0 && pbinom(s-1,n,q) >= 1-t) s <- s-1
  s <- s+1
  ok <- r >= 1 && s <= n
  if (!first) cat(",\n"); first <- FALSE
  cat('  {"n": ', sprintf("%.0f",n), ', "q": ', f(q), ', "ok": ', tolower(as.character(ok)), ', "low": ', r, ', "high": ', sprintf("%.0f",s), ', "attained": ', f(pbinom(s-1,n,q)-pbinom(r-1,n,q)), '}', sep="")
}
cat("\n ],\n")
# lower tail of the null distribution
cat(' "tails": [\n'); first <- TRUE
for (n in c(1,2,5,10,20,30,50)) for (v in unique(round(c(0,0.1,0.25,0.4,0.5)*n*(n+1)/2))) {
  if (!first) cat(",\n"); first <- FALSE
  cat('  {"n": ', n, ', "v": ', v, ', "p": ', f(psignrank(v,n)), '}', sep="")
}
cat("\n ],\n")
# ties and zeros: coin::wilcoxsign_test is absent; enumerate all 2^n signs on midranks
cat(' "tied": [\n'); first <- TRUE
for (d in list(c(1,1,-1,2,2,-3,4), c(0,0,1,2,2,-2,5,5,-5,6), c(-1,-1,-1,-2,-2,0), c(1,2,3,3,3,3,-4,-4,5,6,7,7))) {
  z <- d[d != 0]; rk <- rank(abs(z)); v <- sum(rk[z>0]); n <- length(z)
  s <- sapply(0:(2^n-1), function(b) sum(rk[bitwAnd(b, 2^(0:(n-1))) > 0]))
  if (!first) cat(",\n"); first <- FALSE
  cat('  {"differences": [', f(d), '], "p_below": ', f(mean(s <= v)), ', "p_above": ', f(mean(s >= v)), '}', sep="")
}
cat("\n ]\n}\n")
