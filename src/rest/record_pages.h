#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include <latchkey/records.h>

#include "rest/api_port.h"
#include "rest/page_slip.h"
#include "rest/turn.h"

namespace latchkey {

/// The pages of one query. While the caller has one, the next is fetched: at most one ahead.
/// Lives on one loop.
class RecordPages : public std::enable_shared_from_this<RecordPages> {
public:
    RecordPages(std::shared_ptr<ApiPort> port, ConnectionId connection, std::string soql,
                QueryOptions options);

    using Slip = std::shared_ptr<rest::PageSlip<QueryPage>>;

    /// returns  the next page, to be claimed; one without records after the last. After an error the
    ///          same page is asked for again.
    /// errors   bad_input invalid_soql, invalid_page_size · try_later deadline_passed: a call that
    ///          was given up is still under way · those of read_query_page and ApiPort
    static Task<Slip> next(std::shared_ptr<RecordPages> self, Deadline by);

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    static Task<QueryPage> step(std::shared_ptr<RecordPages> self, Deadline by);
    static Task<QueryPage> fetch(std::shared_ptr<RecordPages> self, std::string target,
                                 Deadline by);
    static Async<void> fetch_ahead(std::shared_ptr<RecordPages> self, std::string target,
                                   Deadline by);
    Result<std::string> first_target() const;

    std::shared_ptr<ApiPort> port_;
    ConnectionId connection_;
    std::string soql_;
    QueryOptions options_;

    rest::Turn turn_;
    Slip given_;
    std::string target_;  ///< of the page that comes next; empty before the first
    bool done_ = false;
    bool fetching_ = false;  ///< that page is on its way
    std::optional<Result<QueryPage>> ahead_;
    std::optional<Timer> arrived_;  ///< cancelled when it is there
};

}  // namespace latchkey
