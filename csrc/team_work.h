// Work of a team as a lambda.
#pragma once

#include "simd.h"
#include "threads.h"

namespace unrolled {
namespace UNROLLED_ISA {

// work(w) for each worker w of the team.
template <class Work>
void run(Team& team, const Work& work) {
    team.run(
        [](void* context, int worker) {
            const FlushDenormals flush;
            (*static_cast<const Work*>(context))(worker);
        },
        const_cast<Work*>(&work));
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
