#pragma once

#include <memory>
#include <vector>

#include "tidegate/base/clock.hpp"
#include "tidegate/pacing/law.hpp"
#include "tidegate/pacing/options.hpp"

namespace tidegate {

/// The response kernel k(u): opens per message per second, u seconds after the send. Starts as a log-normal lag times
/// an open rate and learns from opens: how many there are, how fast they come (the believed curve stretched in time by
/// an eighth to eight times, each stretch with a probability), and bin by bin where the curve differs from its family.
/// "Fewer" and "later" stay apart: while only short lags have been seen, both keep their weight.
/// Pure; confined to one thread. Units: seconds, opens per message.
/// Source: Gamma-Poisson mixture; reference law "posterior", part A.
class TIDEGATE_EXPORT ResponseModel {
  public:
    explicit ResponseModel(const ResponseOptions& belief, const Law& law = {});  ///< knows only the belief

    /// Expected k(u); 0 for u < 0.
    double density(double lag) const;
    /// Expected opens per message up to lag h; 0 for h < 0.
    double cumulative(double lag) const;
    /// Expected opens per message in all.
    double total() const;
    /// Opens per message in all, with the doubt of the shapes.
    double careful_total() const;
    /// The median lag m: believed at first, then learnt.
    double median() const { return median_; }
    /// U: the lag after which under 1 % of the opens remained, as first believed. Fixed.
    double horizon() const { return edges_.back(); }
    /// The lag by which `share` (0..1) of the expected opens have happened.
    double quantile(double share) const;

    /// Lags between which opens are counted, from 0 to the horizon; one more than there are bins. Fixed.
    const std::vector<double>& edges() const { return edges_; }
    /// Expected density of each bin.
    const std::vector<double>& expected() const { return expected_; }
    /// One way the curve may be.
    struct Shape {
        double weight = 0.0;          ///< probability
        std::vector<double> density;  ///< by bin, with a one-sided 95 % doubt where little was seen
    };
    const std::vector<Shape>& shapes() const { return shapes_; }  ///< weights add up to 1

    /// Opens of `seconds` seconds, counted by bin; `messages` says how many messages were of each age meanwhile.
    void learn(const std::vector<double>& opens, const std::vector<double>& messages, double seconds);
    /// The same when only their number is known: moments at which the shapes disagree tell them apart.
    void learn(double opens, const std::vector<double>& messages, double seconds);
    /// Whether opens have been counted at all, none included.
    bool informed() const { return informed_; }
    /// Opens seen, with slow forgetting.
    double evidence() const { return seen_; }

  private:
    void forget(double seconds);
    void fit();

    Law law_;
    double open_rate_, believed_median_, spread_;
    double median_;
    bool informed_ = false;
    double seen_ = 0.0;
    std::vector<double> edges_;
    std::vector<double> expected_;
    std::vector<Shape> shapes_;
    struct Family {  // the believed curve, stretched; by shape, by bin
        std::vector<std::vector<double>> density, log_density;
    };
    std::shared_ptr<const Family> prior_;   // never changes, so that copies share it
    std::vector<double> opens_, exposure_;  // by bin
    struct Counted {                        // from totals, by shape
        double exposure = 0.0, log_likelihood = 0.0;
    };
    std::vector<Counted> counted_;
    double counted_opens_ = 0.0;
};

}  // namespace tidegate
