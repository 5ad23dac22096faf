#ifndef SWAGE_VECTORIZE_H
#define SWAGE_VECTORIZE_H

#include <stdint.h>
#include <string.h>

/// Compiles a function once for each generation of x86-64, and picks one when the program starts. A build for tests has
/// one older generation alone.
#if !defined(__x86_64__) || !defined(__linux__) || defined(SWAGE_INSTRUCTIONS_baseline)
#define VECTORIZED
#elif defined(SWAGE_INSTRUCTIONS_v3)
#define VECTORIZED __attribute__((target("arch=x86-64-v3")))
#else
#define VECTORIZED __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif

/// Lets the compiler sum in vector lanes within the enclosing block.
#define SUM_IN_ANY_ORDER _Pragma("clang fp reassociate(on) contract(fast)")

/// e^x to 2 units in the last place, without a branch, so that loops around it become vector code. NaN stays NaN;
/// beyond the range of a float the result is the largest or the smallest one.
static inline float exp_inline(float x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer.
    x = x > 88.3762589f ? 88.3762589f : x;
    x = x < -87.3365402f ? -87.3365402f : x;
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    int32_t scale_bits = (int32_t)(((uint32_t)bits << 23) + 0x3F800000u);
    float scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return p * scale;
}

/// tanh(x) to a few units in the last place, without a branch: near 0 by its series, elsewhere by e^2x.
static inline float tanh_inline(float x) {
    float square = x * x;
    float series = 2.1869489e-2f;
    series = series * square - 5.3968254e-2f;
    series = series * square + 1.3333334e-1f;
    series = series * square - 3.3333334e-1f;
    float near = x + x * square * series;
    float far = 1.0f - 2.0f / (1.0f + exp_inline(2.0f * x));
    return square < 0.04f ? near : far;
}

#endif
