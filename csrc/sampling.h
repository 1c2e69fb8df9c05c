// One of V symbols by their scores, as runtime/sampling.py draws it: temperature, the k largest shares,
// the nucleus (Holtzman et al., 2020), what is barred.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "layer.h"

namespace unrolled {

struct SamplingRule {
    double temperature;  // 0: the likeliest
    Index top_k;         // V or more: all
    double top_p;        // 1: all
    std::vector<Index> barred;
};

class Sampler {
public:
    Sampler(const SamplingRule& rule, Index V) : rule_(rule), y_(std::size_t(V)) {
        for (Index symbol : rule.barred)
            if (symbol < 0 || symbol >= V)
                throw std::invalid_argument("barred holds " + std::to_string(symbol) +
                                            ", but a symbol is from 0 to " +
                                            std::to_string(V - 1) + ".");
    }

    // The symbol at which the shares reach `uniform`, from [0, 1), of their sum. Throws
    // std::invalid_argument where there are no shares.
    Index draw(const float* scores, double uniform) {
        constexpr double infinite = std::numeric_limits<double>::infinity();
        std::copy_n(scores, y_.size(), y_.begin());
        for (Index symbol : rule_.barred) y_[std::size_t(symbol)] = -infinite;
        double most = -infinite;
        std::size_t likeliest = 0;
        for (std::size_t i = 0; i < y_.size(); ++i) {
            if (!(y_[i] < infinite))
                throw std::invalid_argument("a score is NaN or infinite, so that no symbol can be drawn");
            if (y_[i] > most) most = y_[likeliest = i];
        }
        if (most == -infinite)
            throw std::invalid_argument("all symbols are barred, so that none can be drawn");
        if (rule_.temperature == 0.0) return Index(likeliest);
        // So low a temperature that the quotient is infinite leaves the likeliest ones alone.
        for (double& y : y_) y = y == most ? 1.0 : std::exp((y - most) / rule_.temperature);
        if (rule_.top_k < Index(y_.size()) || rule_.top_p < 1.0) keep_largest();
        double reached = 0.0;
        for (double& y : y_) y = reached += y;
        const auto found = std::upper_bound(y_.begin(), y_.end(), uniform * reached);
        return Index(found - y_.begin());
    }

private:
    SamplingRule rule_;
    std::vector<double> y_;  // [V] scores, shares, their running sum
    std::vector<std::size_t> order_;

    // Equal shares are kept in their order.
    void keep_largest() {
        const auto larger = [&](std::size_t a, std::size_t b) {
            return y_[a] > y_[b] || (y_[a] == y_[b] && a < b);
        };
        order_.clear();
        for (std::size_t i = 0; i < y_.size(); ++i)
            if (y_[i] > 0.0) order_.push_back(i);
        const auto begin = order_.begin();
        if (std::size_t(rule_.top_k) < order_.size()) {
            const auto edge = begin + rule_.top_k;
            std::nth_element(begin, edge, order_.end(), larger);
            for (auto i = edge; i != order_.end(); ++i) y_[*i] = 0.0;
            order_.erase(edge, order_.end());
        }
        if (!(rule_.top_p < 1.0)) return;
        double sum = 0.0, reached = 0.0;
        for (double y : y_) sum += y;
        // A heap whose first is the largest: few are taken from it.
        const auto smaller = [&](std::size_t a, std::size_t b) { return larger(b, a); };
        auto end = order_.end();
        std::make_heap(begin, end, smaller);
        for (; end != begin && reached < rule_.top_p; --end) {
            std::pop_heap(begin, end, smaller);
            reached += y_[*(end - 1)] / sum;
        }
        for (auto i = begin; i != end; ++i) y_[*i] = 0.0;
    }
};

}  // namespace unrolled
