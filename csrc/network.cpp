#include "network.h"

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
