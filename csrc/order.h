// The order in which the rows of a batch are visited; its memory is kept from batch to batch.
#pragma once

#include <vector>

#include "layer.h"

namespace unrolled {

class RowOrder {
public:
    // lengths: [N] from 1 to T, or null: all T.
    void assign(const Index* lengths, Index T, Index N);

    const Order& get() const { return order_; }

private:
    std::vector<Index> row_, length_, active_, first_, next_;
    Order order_{};
};

}  // namespace unrolled
