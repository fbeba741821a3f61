#include "tidegate/base/rng.hpp"

#include <bit>
#include <cmath>

// The C library's log and exp may differ in the last bit from one version to the next, which would break "the same seed
// gives the same numbers". Only operations that IEEE 754 rounds exactly are used here (+ - * / sqrt fma frexp ldexp),
// and every sum of a product is an explicit fma so that a compiler's contraction cannot change it.

namespace tidegate {
namespace {

constexpr double ln2_high = 0x1.62e42fefa38p-1;
constexpr double ln2_low = 0x1.ef35793c7673p-45;

std::uint64_t splitmix(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/// Natural logarithm of x > 0 by the series of 2 artanh((m - 1) / (m + 1)) on the mantissa.
double portable_log(double x) {
    int exponent = 0;
    double mantissa = std::frexp(x, &exponent);
    if (mantissa < 0.70710678118654752) {
        mantissa *= 2;
        --exponent;
    }
    const double s = (mantissa - 1) / (mantissa + 1);
    const double square = s * s;
    double sum = 0;
    for (int k = 11; k >= 0; --k) sum = std::fma(sum, square, 1.0 / (2 * k + 1));
    const double low = std::fma(exponent, ln2_low, 2 * s * sum);
    return std::fma(exponent, ln2_high, low);
}

double portable_exp(double x) {
    if (x > 709.7) return HUGE_VAL;
    if (x < -745.0) return 0;
    const double k = std::floor(std::fma(x, 1.4426950408889634, 0.5));
    const double r = std::fma(-k, ln2_low, std::fma(-k, ln2_high, x));
    double sum = 1;
    for (int n = 16; n >= 1; --n) sum = std::fma(sum * r, 1.0 / n, 1.0);
    return std::ldexp(sum, static_cast<int>(k));
}

/// ln(k!) by Stirling's series; small k is lifted first, where the series is not yet accurate.
double log_factorial(double k) {
    double product = 1;
    while (k < 12) {
        k += 1;
        product *= k;
    }
    const double inverse = 1 / k;
    const double square = inverse * inverse;
    const double tail = inverse * std::fma(square, std::fma(square, 1.0 / 1260, -1.0 / 360), 1.0 / 12);
    const double half_log_two_pi = 0.91893853320467274;
    return std::fma(k + 0.5, portable_log(k), (half_log_two_pi - k) + tail) - portable_log(product);
}

/// Transformed rejection for means of ten and more. Source: W. Hormann, "The transformed rejection method for
/// generating Poisson random variables", 1993, algorithm PTRS.
std::uint64_t large_poisson(Rng& rng, double mean) {
    const double b = std::fma(2.53, std::sqrt(mean), 0.931);
    const double a = std::fma(0.02483, b, -0.059);
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    const double quick = 0.9277 - 3.6224 / (b - 2);
    const double log_mean = portable_log(mean);
    for (;;) {
        const double u = rng.uniform() - 0.5;
        const double v = 1 - rng.uniform();
        const double edge = 0.5 - std::fabs(u);
        if (edge <= 0) continue;
        const double k = std::floor(std::fma(2 * a / edge + b, u, mean + 0.43));
        if (edge >= 0.07 && v <= quick) return static_cast<std::uint64_t>(k);
        if (k < 0 || (edge < 0.013 && v > edge)) continue;
        const double left = portable_log(v * inverse_alpha / (a / (edge * edge) + b));
        if (left <= std::fma(k, log_mean, -mean) - log_factorial(k)) return static_cast<std::uint64_t>(k);
    }
}

}  // namespace

Rng::Rng(std::uint64_t seed) {
    for (auto& word : state_) word = splitmix(seed);
}

std::uint64_t Rng::bits() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

double Rng::uniform() {
    return static_cast<double>(bits() >> 11) * 0x1.0p-53;
}

double Rng::normal() {
    for (;;) {  // Marsaglia's polar method
        const double u = 2 * uniform() - 1;
        const double v = 2 * uniform() - 1;
        const double square = std::fma(u, u, v * v);
        if (square > 0 && square < 1) return u * std::sqrt(-2 * portable_log(square) / square);
    }
}

double Rng::log_normal(double median, double sigma) {
    return median * portable_exp(sigma * normal());
}

std::uint64_t Rng::poisson(double lambda) {
    if (!(lambda > 0)) return 0;
    if (lambda >= 10) return large_poisson(*this, std::fmin(lambda, 0x1.0p52));
    const double floor = portable_exp(-lambda);
    std::uint64_t count = 0;
    double product = uniform();
    while (product > floor) {
        ++count;
        product *= uniform();
    }
    return count;
}

}  // namespace tidegate
