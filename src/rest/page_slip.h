#pragma once

#include <atomic>
#include <memory>
#include <utility>

namespace latchkey::rest {

/// A page on its way to the caller. Whoever gave up waiting has not claimed it, and so it is given to
/// the next call: giving up loses no rows.
template <class Page>
struct PageSlip {
    Page page;
    std::atomic<bool> claimed = false;
    Page claim() {
        claimed = true;
        return std::move(page);
    }
};

}  // namespace latchkey::rest
