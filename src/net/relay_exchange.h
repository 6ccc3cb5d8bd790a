#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include "net/block.h"
#include "net/body_meter.h"
#include "net/relay.h"

namespace latchkey {

/// One relayed request and its answer. Private to the relay.
class RelayExchange final : public Timed {
public:
    /// Serves the request whose head `caller` has read. All must outlive the call.
    /// returns  whether another request may follow on the caller's connection
    static Async<bool> serve(Relay& relay, ServerConnection& caller, const bool& stopping);
    void look_at_time(std::chrono::steady_clock::time_point now) override;
    ~RelayExchange() { relay_.shown_now -= shown_room_; }
    RelayExchange(const RelayExchange&) = delete;
    RelayExchange& operator=(const RelayExchange&) = delete;

private:
    using SteadyClock = std::chrono::steady_clock;
    using Timer =
        boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                          Executor>;

    static constexpr auto never = SteadyClock::time_point::max();

    RelayExchange(Relay& relay, ServerConnection& caller, const bool& stopping, Executor on);

    /// Why a caller gets no answer of a server: through his own doing, or for want of room.
    enum class Callers { fine, gone, too_slow, bad_chunks, too_many };

    /// A body on its way: how long the next piece may take.
    struct Pace {
        SteadyClock::time_point began;
        std::uint64_t moved = 0;
    };
    SteadyClock::time_point patience(const Pace& pace) const;

    // The policy's word.
    bool obey(RelayVerdict verdict);
    Async<bool> decide();
    bool looked_inside();
    Async<bool> refuses_lines();
    Async<bool> renew();

    // The request's side.
    bool hold_what_came();
    Async<void> hold_rest();
    bool take_room(std::size_t bytes);
    Async<std::size_t> read_caller(Block& into);
    Async<bool> tell_to_continue();
    static Async<void> upload(RelayExchange* self);
    Async<void> pass_body_up();
    Async<void> end_upload();

    // The upstream's side. What goes without waiting is done by plain functions, for a coroutine costs
    // more than they do: most calls wait twice, for the answer and for the next request.
    void write_head_up();
    bool send_on_idle();
    Async<bool> send();
    void begin_to_send();
    void all_is_sent();
    std::optional<bool> expect_answer();
    std::optional<bool> look_for_head();
    bool head_is_lost();
    std::optional<std::size_t> more_now(boost::system::error_code& failed);
    std::optional<std::size_t> more_after(bool told, boost::system::error_code& failed);
    bool came(std::size_t bytes, const boost::system::error_code& failed);
    Async<std::string> read_beginning();
    BodyMeter answer_meter() const;
    void let_go_of_upstream();
    void give_back_upstream();

    // The answer's side.
    std::string_view answer_bytes() { return {block_->data() + body_at_, filled_ - body_at_}; }
    bool begin_answer();
    bool answer_goes_on() const;
    Async<void> pass_rest_down();
    bool end_answer();
    std::optional<bool> write_caller_now(std::string_view& bytes);
    Async<bool> write_caller(std::string_view bytes);
    void write_head_down();
    Async<bool> fail();
    Async<bool> refuse_unread();
    Async<bool> refuse();
    void let_go_of_request();

    static void append_length(std::uint64_t length, std::string& out);
    const RequestHead& head() const { return caller_.head(); }
    bool to_head() const { return head().method == "HEAD"; }
    bool ends_here() const;

    Relay& relay_;
    RelayPolicy& policy_;
    ServerConnection& caller_;
    const bool& stopping_;
    const Executor on_;

    RelayPass pass_;
    bool passed_ = false;           ///< the policy has let it pass and is told of its end
    bool renewed_ = false;          ///< newer lines were asked for once
    std::optional<Reply> refusal_;  ///< what is answered instead of passing the request
    Callers callers_ = Callers::fine;

    BodyMeter request_meter_;
    bool held_ = false;             ///< the body is whole, in `body_`, and can be sent again
    std::string_view body_;         ///< what is there of the body to be sent
    std::string body_store_;        ///< where it is unless it lies behind the head
    std::size_t shown_room_ = 0;    ///< of the relay's room for bodies that the policy sees
    std::string leftover_;          ///< bytes that came behind the body
    std::size_t taken_behind_ = 0;  ///< bytes behind the head that belong to the body
    Pace request_pace_{};

    bool uploading_ = false;
    bool stop_upload_ = false;
    std::optional<Timer> upload_over_;  ///< while there is an upload

    Upstreams::Lease upstream_;
    std::string out_;
    std::string_view unsent_;  ///< of what is written to the upstream
    std::size_t handed_ = 0;
    boost::system::error_code send_failed_;
    std::optional<Block> block_;  ///< the answer's bytes
    std::size_t body_at_ = 0;     ///< in the block: behind the head
    std::size_t filled_ = 0;
    std::size_t looked_at_ = 0;  ///< there is no end of a head among these bytes
    int interim_ = 0;            ///< answers that came before the one
    AnswerHead answer_;
    std::string_view retry_line_;
    bool dechunk_ = false;
    bool close_after_ = false;
    int status_ = 0;  ///< of what the caller was sent

    BodyMeter answer_body_ = BodyMeter::none();
    std::string plain_;             ///< of chunks, for a caller who does not know them
    std::string_view unsent_down_;  ///< of what is written to the caller
    std::size_t beyond_ = 0;        ///< bytes that came behind the answer
    Pace answer_pace_{};
    bool sent_ = true;    ///< all that could be so far
    bool early_ = false;  ///< the answer's end came before the request's
    bool whole_ = true;   ///< nothing is wrong with the answer so far
    bool keep_ = false;   ///< another request may follow
    Error error_;

    SteadyClock::time_point caller_sends_by_ = never;
    SteadyClock::time_point caller_takes_by_ = never;
    SteadyClock::time_point upstream_takes_by_ = never;  ///< while the body is passed up
    SteadyClock::time_point upstream_by_ = never;  ///< to give what is read of it, or to begin
    bool upstream_late_ = false;
    bool reads_upstream_ = false;  ///< nobody waits for the caller, who may go away unseen
};

}  // namespace latchkey
