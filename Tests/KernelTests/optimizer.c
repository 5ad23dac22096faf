#include "swage_kernels.h"

#include <float.h>
#include <math.h>

#include "check.h"
#include "tests.h"

static const float gradient_scale = 0.5f, rate = 0.01f, beta1 = 0.9f, beta2 = 0.99f, epsilon = 1e-8f, decay = 0.1f;
// 1 - beta^3, at the third step.
static const float correction1 = 0.271f, correction2 = 0.029701f;

typedef struct {
    float *parameter, *gradient, *mean, *square;
} state;

static state make_state(size_t count) {
    state s = {random_floats(count), random_floats(count), random_floats(count), random_floats(count)};
    for (size_t i = 0; i < count; i++) s.square[i] *= s.square[i];
    return s;
}

static void update(state s, size_t count, float scale) {
    swage_adamw(s.parameter, s.gradient, s.mean, s.square, count, scale, rate, beta1, beta2, epsilon, decay,
                correction1, correction2);
}

static bool stays_finite(state s, size_t count, float scale) {
    return swage_adamw_stays_finite(s.parameter, s.gradient, s.mean, s.square, count, scale, rate, beta1, beta2,
                                    epsilon, decay, correction1, correction2);
}

static void adamw(size_t count) {
    begin_case("swage_adamw", "count %zu", count);
    state s = make_state(count);
    double *parameter = zeros(count), *mean = zeros(count), *square = zeros(count);
    double *parameter_magnitude = zeros(count), *mean_magnitude = zeros(count);
    for (size_t i = 0; i < count; i++) {
        double gradient = (double)s.gradient[i] * gradient_scale;
        double kept = (double)beta1 * s.mean[i], added = (1 - (double)beta1) * gradient;
        mean[i] = kept + added, mean_magnitude[i] = fabs(kept) + fabs(added);
        square[i] = (double)beta2 * s.square[i] + (1 - (double)beta2) * gradient * gradient;
        double step = rate / (double)correction1 / (sqrt(square[i] / correction2) + epsilon);
        double before = s.parameter[i] * (1 - (double)rate * decay);
        parameter[i] = before - step * mean[i];
        parameter_magnitude[i] = fabs(before) + step * mean_magnitude[i];
    }
    update(s, count, gradient_scale);
    expect_close("parameter", s.parameter, parameter, parameter_magnitude, count, 2e-6);
    expect_close("mean", s.mean, mean, mean_magnitude, count, 2e-6);
    expect_close("square", s.square, square, square, count, 2e-6);
}

/// One odd number at one place, and whether the update then leaves one that is not finite.
static void adamw_stays_finite(size_t count, size_t place, const char *what, float number, float scale) {
    begin_case("swage_adamw_stays_finite", "count %zu, %s[%zu] %g, scale %g", count, what, place, (double)number,
               (double)scale);
    state s = make_state(count);
    float *odd = what[0] == 'p' ? s.parameter : what[0] == 'g' ? s.gradient : what[0] == 'm' ? s.mean : s.square;
    odd[place] = number;
    state before = {copied(s.parameter, count), s.gradient, copied(s.mean, count), copied(s.square, count)};
    bool found = stays_finite(s, count, scale), finite = true;
    expect_close("parameter", s.parameter, doubles(before.parameter, count), NULL, count, 0);
    expect_close("mean", s.mean, doubles(before.mean, count), NULL, count, 0);
    expect_close("square", s.square, doubles(before.square, count), NULL, count, 0);
    update(s, count, scale);
    for (size_t i = 0; i < count; i++)
        finite = finite && isfinite(s.parameter[i]) && isfinite(s.mean[i]) && isfinite(s.square[i]);
    expect(found == finite, "it says %d, and what an update leaves is %s", found, finite ? "finite" : "not finite");
}

void test_optimizer(void) {
    const struct {
        const char *what;
        float number, scale;
    } odd[] = {
        {"parameter", 1, 0.5f},       {"parameter", 1e38f, 0.5f}, {"parameter", INFINITY, 0.5f},
        {"parameter", NAN, 0.5f},     {"gradient", 1e18f, 0.5f},  {"gradient", 3e20f, 0.5f},
        {"gradient", -FLT_MAX, 0.5f}, {"gradient", NAN, 0.5f},    {"gradient", 1e-3f, 1e30f},
        {"mean", -INFINITY, 0.5f},    {"mean", 1e37f, 0.5f},      {"square", INFINITY, 0.5f},
        {"square", 1e38f, 0.5f},
    };
    adamw(0);
    for (size_t i = 0; i < size_count; i++) {
        adamw(sizes[i]);
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
            for (size_t part = 0; part < (sizes[i] > 1 ? 3 : 1); part++)
                adamw_stays_finite(sizes[i], part * (sizes[i] - 1) / 2, odd[k].what, odd[k].number, odd[k].scale);
    }
}
