# Results of base R for r_data.csv; r_values.py runs this script. Arguments: data file and output file.
library(splines)
files <- commandArgs(trailingOnly = TRUE)
people <- read.csv(files[1])
found <- list()
keep <- function(outcome, test, name, value) {
  found[[length(found) + 1]] <<- data.frame(outcome, test, name, value = sprintf("%.17g", value))
}

cuts <- quantile(people$age, c(.25, .5, .75), type = 7)
quartile <- cut(people$age, c(-Inf, cuts, Inf), labels = FALSE, right = TRUE)
left_closed <- cut(people$age, c(-Inf, cuts, Inf), labels = FALSE, right = FALSE)
keep("age", "quartiles", paste0("cut_", 1:3), cuts)
keep("age", "quartiles", paste0("n_right_closed_", 1:4), as.vector(table(quartile)))
keep("age", "quartiles", paste0("n_left_closed_", 1:4), as.vector(table(left_closed)))

pairs <- function(p) {                            # (older, younger) of pairwise.wilcox.test as younger-older
  unlist(lapply(1:3, function(a) setNames(p[a:3, a], paste0(a, "-", (a + 1):4))))
}

for (outcome in c("value", "rounded")) {
  y <- people[[outcome]]
  spearman <- suppressWarnings(cor.test(y, people$age, method = "spearman", exact = FALSE))
  keep(outcome, "spearman", c("rho", "p"), c(spearman$estimate, spearman$p.value))
  kw <- kruskal.test(y, quartile)
  keep(outcome, "kruskal", c("h", "df", "p"), c(kw$statistic, kw$parameter, kw$p.value))
  for (correct in c(TRUE, FALSE)) {
    test <- if (correct) "wilcoxon_continuity" else "wilcoxon"
    for (adjust in c("none", "bonferroni", "holm", "BH")) {
      p <- pairs(pairwise.wilcox.test(y, quartile, p.adjust.method = adjust, exact = FALSE, correct = correct)$p.value)
      keep(outcome, paste(test, adjust, sep = "_"), names(p), p)
    }
  }
  for (a in 1:3) for (b in (a + 1):4) {
    younger <- y[quartile == a]; older <- y[quartile == b]
    u <- wilcox.test(younger, older, exact = FALSE)$statistic
    keep(outcome, "u", paste0(a, "-", b), u)
    keep(outcome, "shift", paste0(a, "-", b), median(outer(older, younger, "-")))
  }
  # Quade's rank analysis of covariance: ranks of the value on ranks of height and on sex, then one-way ANOVA
  left <- resid(lm(rank(y) ~ rank(people$height) + people$male))
  anova_of_rest <- anova(lm(left ~ factor(quartile)))
  keep(outcome, "quade", c("f", "p"), c(anova_of_rest[["F value"]][1], anova_of_rest[["Pr(>F)"]][1]))
  # Natural cubic spline of age by sex and height, HC3 errors, Wald F tests
  knots <- quantile(people$age, c(.05, .35, .65, .95))
  curve <- ns(people$age, knots = knots[2:3], Boundary.knots = knots[c(1, 4)])
  age <- people$age; bend <- curve[, 2:3]          # age and two columns of ns span the spline, with the constant
  sex <- people$male - .5
  x <- cbind(1, age, bend, sex, sex * age, sex * bend, people$height)
  fit <- lm.fit(x, y)
  inverse <- solve(crossprod(x), tol = 1e-20)
  hat <- rowSums((x %*% inverse) * x)
  hc3 <- inverse %*% crossprod(x * (fit$residuals / (1 - hat))) %*% inverse
  wald <- function(index) {
    b <- fit$coefficients[index]
    f <- drop(b %*% solve(hc3[index, index], b, tol = 1e-20)) / length(index)
    c(f, pf(f, length(index), nrow(x) - ncol(x), lower.tail = FALSE))
  }
  terms <- list(age = c(2:4, 6:8), nonlinear = c(3:4, 7:8), interaction = 6:8)
  for (term in names(terms)) keep(outcome, "spline", paste0(term, c("_f", "_p")), wald(terms[[term]]))
  keep(outcome, "spline", "rss", sum(fit$residuals^2))
  # Kolmogorov-Smirnov: distance, and P where nothing ties
  d <- suppressWarnings(ks.test(y, "pnorm", mean(y), sd(y), exact = FALSE))$statistic
  keep(outcome, "kolmogorov_smirnov", "d", d)
}
write.csv(do.call(rbind, found), files[2], row.names = FALSE, quote = FALSE)
