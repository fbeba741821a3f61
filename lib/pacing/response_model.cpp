#include "tidegate/pacing/response_model.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace tidegate {
namespace {

/// Stretches of the believed curve: 2^(-3) .. 2^3 in half octaves.
constexpr int kShapes = 13;
constexpr int kBelieved = 6;
constexpr int kFineBins = 8;
constexpr double kFineBinsPerMedian = 22.0;
constexpr double kBinGrowth = 1.16;
constexpr double kAlmostNothing = 1e-300;

double normal_below(double z) {
    return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

/// The z below which `share` of a standard normal lies. Bisection: asked a few times a campaign, so plainness wins.
double normal_quantile(double share) {
    double low = -9.0, high = 9.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = 0.5 * (low + high);
        (normal_below(middle) < share ? low : high) = middle;
    }
    return 0.5 * (low + high);
}

double log_normal_below(double lag, double median, double spread) {
    return lag > 0.0 ? normal_below(std::log(lag / median) / spread) : 0.0;
}

double stretch_of(int shape) {
    return std::exp2(0.5 * (shape - kBelieved));
}

/// What a bin of `width` seconds says once it has been seen, and its shape before. Where the shape expected next to
/// nothing and plenty came, the shape counts for no more than its few pseudo-opens. Nobody opens a message more than
/// once in a bin, however wrongly opens were attributed.
double density_of(double opens, double exposure, double prior, double pseudo, double width) {
    double prior_exposure = pseudo / prior;
    if (opens > pseudo) prior_exposure = std::min(prior_exposure, exposure * pseudo / opens);
    const double most = (exposure + prior_exposure) / width;
    return opens + pseudo < most ? (opens + pseudo) / (exposure + prior_exposure) : 1.0 / width;
}

bool usable(double count) {
    return std::isfinite(count) && count >= 0.0;
}

}  // namespace

ResponseModel::ResponseModel(const ResponseOptions& belief, const Law& law)
    : law_(law),
      open_rate_(belief.open_rate),
      believed_median_(Seconds(belief.median).count()),
      spread_(belief.spread),
      median_(believed_median_) {
    const double horizon = believed_median_ * std::exp(spread_ * normal_quantile(0.99));
    const double fine = believed_median_ / kFineBinsPerMedian;
    edges_.push_back(0.0);
    while (edges_.back() < horizon) {
        const double edge = edges_.size() <= kFineBins ? edges_.back() + fine : edges_.back() * kBinGrowth;
        edges_.push_back(std::min(edge, horizon));
    }
    const std::size_t bins = edges_.size() - 1;
    opens_.assign(bins, 0.0);
    exposure_.assign(bins, 0.0);
    counted_.resize(kShapes);
    Family family;
    for (int i = 0; i < kShapes; ++i) {
        const double median = believed_median_ * stretch_of(i);
        std::vector<double> prior, log_prior;
        for (std::size_t j = 0; j < bins; ++j) {
            const double share =
                log_normal_below(edges_[j + 1], median, spread_) - log_normal_below(edges_[j], median, spread_);
            prior.push_back(std::max(kAlmostNothing, open_rate_ * share / (edges_[j + 1] - edges_[j])));
            log_prior.push_back(std::log(prior.back()));
        }
        family.density.push_back(std::move(prior));
        family.log_density.push_back(std::move(log_prior));
    }
    prior_ = std::make_shared<const Family>(std::move(family));
    expected_ = prior_->density[kBelieved];
    shapes_ = {{1.0, expected_}};
    for (double& density : shapes_.front().density) density *= law_.unseen_doubt;
}

double ResponseModel::density(double lag) const {
    if (!(lag > 0.0)) return 0.0;
    if (!informed_) {
        const double z = std::log(lag / median_) / spread_;
        return open_rate_ * std::exp(-0.5 * z * z) / (lag * spread_ * std::sqrt(2.0 * std::numbers::pi));
    }
    const auto above = std::upper_bound(edges_.begin(), edges_.end(), lag);
    return above == edges_.end() ? 0.0 : expected_[static_cast<std::size_t>(above - edges_.begin()) - 1];
}

double ResponseModel::cumulative(double lag) const {
    if (!(lag > 0.0)) return 0.0;
    if (!informed_) return open_rate_ * log_normal_below(lag, median_, spread_);
    double sum = 0.0;
    for (std::size_t j = 0; j < expected_.size() && edges_[j] < lag; ++j)
        sum += expected_[j] * (std::min(lag, edges_[j + 1]) - edges_[j]);
    return sum;
}

double ResponseModel::total() const {
    return informed_ ? cumulative(horizon()) : open_rate_;
}

double ResponseModel::careful_total() const {
    double sum = 0.0;
    for (const Shape& shape : shapes_)
        for (std::size_t j = 0; j < shape.density.size(); ++j)
            sum += shape.weight * shape.density[j] * (edges_[j + 1] - edges_[j]);
    return sum;
}

double ResponseModel::quantile(double share) const {
    if (!(share > 0.0)) return 0.0;
    if (!informed_) return believed_median_ * std::exp(spread_ * normal_quantile(std::min(share, 1.0)));
    double left = std::min(share, 1.0) * total();
    for (std::size_t j = 0; j < expected_.size(); ++j) {
        const double here = expected_[j] * (edges_[j + 1] - edges_[j]);
        if (here >= left && here > 0.0) return edges_[j] + left / expected_[j];
        left -= here;
    }
    return horizon();
}

void ResponseModel::forget(double seconds) {
    const double keep =
        std::exp(-seconds / std::max(law_.memory_intervals * seconds, law_.memory_medians * believed_median_));
    for (double& o : opens_) o *= keep;
    for (double& e : exposure_) e *= keep;
    for (Counted& c : counted_) {
        c.exposure *= keep;
        c.log_likelihood *= keep;
    }
    counted_opens_ *= keep;
    seen_ *= keep;
}

void ResponseModel::learn(const std::vector<double>& opens, const std::vector<double>& messages, double seconds) {
    if (!(seconds > 0.0) || !std::isfinite(seconds) || opens.size() != opens_.size() ||
        messages.size() != opens_.size() || !std::all_of(opens.begin(), opens.end(), usable) ||
        !std::all_of(messages.begin(), messages.end(), usable))
        return;
    forget(seconds);
    for (std::size_t j = 0; j < opens_.size(); ++j) {
        opens_[j] += opens[j];
        exposure_[j] += messages[j] * seconds;
        seen_ += opens[j];
    }
    informed_ = true;
    fit();
}

void ResponseModel::learn(double opens, const std::vector<double>& messages, double seconds) {
    if (!(seconds > 0.0) || !std::isfinite(seconds) || !usable(opens) || messages.size() != opens_.size() ||
        !std::all_of(messages.begin(), messages.end(), usable))
        return;
    forget(seconds);
    const double counts = 1.0 / (1.0 + opens / law_.pseudo_opens);
    for (std::size_t i = 0; i < counted_.size(); ++i) {
        double predicted = 0.0;
        for (std::size_t j = 0; j < messages.size(); ++j) predicted += messages[j] * prior_->density[i][j] * seconds;
        counted_[i].exposure += counts * predicted;
        counted_[i].log_likelihood += counts * opens * std::log(std::max(predicted, kAlmostNothing));
    }
    counted_opens_ += counts * opens;
    seen_ += opens;
    informed_ = true;
    fit();
}

void ResponseModel::fit() {
    const std::size_t bins = opens_.size();
    std::vector<double> counts(bins), logs(kShapes), amplitude(kShapes), evidence(kShapes);
    for (std::size_t j = 0; j < bins; ++j) counts[j] = 1.0 / (1.0 + opens_[j] / law_.pseudo_opens);
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < kShapes; ++i) {
        double n = 1.0 + counted_opens_, b = 1.0 + counted_[i].exposure, log_likelihood = counted_[i].log_likelihood;
        for (std::size_t j = 0; j < bins; ++j) {
            const double o = counts[j] * opens_[j];
            n += o;
            b += counts[j] * exposure_[j] * prior_->density[i][j];
            log_likelihood += o * prior_->log_density[i][j];
        }
        const double octaves = std::log2(stretch_of(static_cast<int>(i)));
        logs[i] = -0.5 * octaves * octaves + log_likelihood - n * std::log(b);
        amplitude[i] = n / b;
        evidence[i] = n;
        best = std::max(best, logs[i]);
    }
    shapes_.resize(kShapes);
    double sum = 0.0;
    for (std::size_t i = 0; i < kShapes; ++i) sum += shapes_[i].weight = std::exp(logs[i] - best);
    std::fill(expected_.begin(), expected_.end(), 0.0);
    median_ = 0.0;
    for (std::size_t i = 0; i < kShapes; ++i) {
        Shape& shape = shapes_[i];
        shape.weight /= sum;
        shape.density.resize(bins);
        median_ += shape.weight * believed_median_ * stretch_of(static_cast<int>(i));
        const double careful = amplitude[i] * (1.0 + law_.curve_doubt / std::sqrt(evidence[i]));
        for (std::size_t j = 0; j < bins; ++j) {
            const double width = edges_[j + 1] - edges_[j], prior = prior_->density[i][j];
            shape.density[j] = density_of(opens_[j], exposure_[j], careful * prior, law_.pseudo_opens, width);
            expected_[j] +=
                shape.weight * density_of(opens_[j], exposure_[j], amplitude[i] * prior, law_.pseudo_opens, width);
        }
    }
}

}  // namespace tidegate
