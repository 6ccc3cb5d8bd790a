#include "rest/record_pages.h"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/async.h"
#include "salesforce/query_page.h"

namespace latchkey {
namespace {

constexpr std::size_t smallest_page = 200;
constexpr std::size_t largest_page = 2000;

}  // namespace

RecordPages::RecordPages(std::shared_ptr<ApiPort> port, ConnectionId connection, std::string soql,
                         QueryOptions options)
    : port_(std::move(port)),
      connection_(std::move(connection)),
      soql_(std::move(soql)),
      options_(std::move(options)) {}

Result<std::string> RecordPages::first_target() const {
    const auto size = options_.page_size;
    if (size != 0 && (size < smallest_page || size > largest_page)) {
        return Error{Fault::bad_input, "invalid_page_size",
                     "A page of a query has 200 to 2000 records. Ask for as many, or for 0."};
    }
    return query_target(soql_, options_.all_rows);
}

Task<QueryPage> RecordPages::fetch(std::shared_ptr<RecordPages> self, std::string target,
                                   Deadline by) {
    ApiRequest request;
    request.connection = self->connection_;
    request.target = std::move(target);
    request.headers.emplace_back("Accept", "application/json");
    if (self->options_.page_size != 0) {
        request.headers.emplace_back("Sforce-Query-Options",
                                     "batchSize=" + std::to_string(self->options_.page_size));
    }
    auto answer = co_await self->port_->call(std::move(request), by);
    if (!answer) co_return answer.error();
    co_return read_query_page(std::move(*answer), true);
}

Async<void> RecordPages::fetch_ahead(std::shared_ptr<RecordPages> self, std::string target,
                                     Deadline by) {
    auto page = co_await fetch(self, std::move(target), by);
    self->ahead_.emplace(std::move(page));
    self->fetching_ = false;
    if (self->arrived_) self->arrived_->cancel();
}

Task<RecordPages::Slip> RecordPages::next(std::shared_ptr<RecordPages> self, Deadline by) {
    auto turn = co_await self->turn_.take(by);
    if (!turn) co_return turn.error();
    if (!self->given_ || self->given_->claimed) {
        auto page = co_await step(self, by);
        self->turn_.give_back();
        if (!page) co_return page.error();
        self->given_ = std::make_shared<rest::PageSlip<QueryPage>>();
        self->given_->page = std::move(*page);
        co_return self->given_;
    }
    self->turn_.give_back();
    co_return self->given_;
}

Task<QueryPage> RecordPages::step(std::shared_ptr<RecordPages> self, Deadline by) {
    if (self->done_) co_return QueryPage{};
    const Executor here = co_await boost::asio::this_coro::executor;
    if (self->target_.empty()) {
        auto target = self->first_target();
        if (!target) co_return target.error();
        self->target_ = std::move(*target);
    }
    if (!self->ahead_ && !self->fetching_) {
        auto asked = co_await fetch(self, self->target_, by);
        self->ahead_.emplace(std::move(asked));
    }
    while (!self->ahead_) {
        // fetch_ahead ends at its own deadline, so this wait has an end.
        self->arrived_.emplace(here, std::chrono::steady_clock::time_point::max());
        boost::system::error_code woken;
        co_await self->arrived_->async_wait(boost::asio::redirect_error(use_task, woken));
    }
    self->arrived_.reset();
    auto page = std::move(*self->ahead_);
    self->ahead_.reset();
    if (!page) co_return page.error();

    self->target_ = page->next;
    self->done_ = page->next.empty();
    if (!self->done_) {
        // The same time for every page; a caller who comes late finds it there, or its error.
        constexpr std::chrono::seconds patience{60};
        self->fetching_ = true;
        boost::asio::co_spawn(here, fetch_ahead(self, self->target_, Deadline::in(patience)),
                              boost::asio::detached);
    }
    co_return page;
}

}  // namespace latchkey
