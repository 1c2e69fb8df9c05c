#include "network.h"

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace unrolled {

namespace {

[[noreturn]] void refuse(const char* what, Index value, const std::string& wanted) {
    throw std::invalid_argument(std::string(what) + " holds " + std::to_string(value) + ", but " +
                                wanted + ".");
}

void check_class(const Network& network, const Data& data, Index place) {
    if (!data.classes) return;
    const Index found = data.classes[place];
    if (found < -1 || found >= network.head().K)
        refuse("y", found, "a class is from 0 to " + std::to_string(network.head().K - 1) +
                               ", or -1 where it is missing");
}

void check_codes(const Network& network, const float* values) {
    const float* codes = values + network.numbers();
    for (const Category& category : network.categories) {
        const float code = *codes++;
        if (code >= 0 && code < static_cast<float>(category.V) && code == std::floor(code)) continue;
        char found[32];
        std::snprintf(found, sizeof found, "%g", static_cast<double>(code));
        throw std::invalid_argument(
            std::string("inputs holds ") + found + " in column " +
            std::to_string(codes - 1 - values) + ", but a code there is a whole number from 0 to " +
            std::to_string(category.V - 1) + ".");
    }
}

}  // namespace

BatchSizes check_rows(const Network& network, const Data& data, const Index* rows, Index count) {
    BatchSizes sizes{count, 1, 0, count};
    if (count < 1)
        throw std::invalid_argument("rows holds a batch without rows, but each must have some.");
    for (Index n = 0; n < count; ++n) {
        const Index row = rows[n];
        if (row < 0 || row >= data.N)
            refuse("rows", row, "the data has rows 0 to " + std::to_string(data.N - 1));
        if (!data.starts) {
            check_class(network, data, row);
            continue;
        }
        const Index start = data.starts[row], length = data.lengths[row];
        if (length < 1 || start < 0 || start > data.M || length > data.M - start)
            refuse("lengths", length,
                   "the row " + std::to_string(row) + " begins at value " + std::to_string(start) +
                       " of " + std::to_string(data.M));
        if (data.tokens) {
            for (Index t = start; t < start + length; ++t)
                if (data.tokens[t] < 0 || data.tokens[t] >= network.symbols)
                    refuse("inputs", data.tokens[t],
                           "a token is from 0 to " + std::to_string(network.symbols - 1));
        }
        if (!network.categories.empty()) {
            for (Index t = start; t < start + length; ++t)
                check_codes(network, data.values + t * network.width);
        }
        if (!network.every()) {
            check_class(network, data, row);
        } else if (data.classes) {
            for (Index t = start; t < start + length; ++t) check_class(network, data, t);
        }
        sizes.T = length > sizes.T ? length : sizes.T;
        sizes.S += length;
    }
    if (network.every()) sizes.R = sizes.S;
    return sizes;
}

}  // namespace unrolled
