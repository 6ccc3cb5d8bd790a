#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include <latchkey/records.h>

#include "rest/api_port.h"

namespace latchkey {

/// The pages of one query. While the caller has one, the next is fetched: at most one ahead.
/// Lives on one loop.
class RecordPages : public std::enable_shared_from_this<RecordPages> {
public:
    RecordPages(std::shared_ptr<ApiPort> port, ConnectionId connection, std::string soql,
                QueryOptions options);

    /// returns  the next page; one without records after the last. After an error the same page is
    ///          asked for again.
    /// errors   bad_input invalid_soql, invalid_page_size · those of read_query_page and ApiPort
    static Task<QueryPage> next(std::shared_ptr<RecordPages> self, Deadline by);

private:
    using Timer = boost::asio::basic_waitable_timer<
        std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    static Task<QueryPage> fetch(std::shared_ptr<RecordPages> self, std::string target,
                                 Deadline by);
    static Async<void> fetch_ahead(std::shared_ptr<RecordPages> self, std::string target,
                                   Deadline by);
    Result<std::string> first_target() const;

    std::shared_ptr<ApiPort> port_;
    ConnectionId connection_;
    std::string soql_;
    QueryOptions options_;

    std::string target_;  ///< of the page that comes next; empty before the first
    bool done_ = false;
    bool fetching_ = false;  ///< that page is on its way
    std::optional<Result<QueryPage>> ahead_;
    std::optional<Timer> arrived_;  ///< cancelled when it is there
};

}  // namespace latchkey
