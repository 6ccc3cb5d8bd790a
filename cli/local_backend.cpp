#include "cli/backend.h"

namespace latchkey::cli {
namespace {

class LocalBackend final : public Backend {
public:
    explicit LocalBackend(std::unique_ptr<Latchkey> library) : library_(std::move(library)) {}

    Result<ConnectionList> connections(const std::string& cursor) override {
        ConnectionFilter filter;
        filter.cursor = cursor;
        filter.limit = 200;
        return library_->connections(std::move(filter));
    }
    Result<Connection> connection(const ConnectionId& id) override {
        return library_->connection(id);
    }
    Result<Connection> revoke(const ConnectionId& id) override { return library_->revoke(id); }
    Result<AccessToken> token(const ConnectionId& id) override { return library_->token(id); }
    Result<ApiResponse> call(ApiRequest request) override {
        return library_->call(std::move(request));
    }
    Rest rest(const ConnectionId& id) override { return Rest{*library_, id}; }
    Result<NewApiKey> create_api_key(ApiKeyWish wish) override {
        return library_->create_api_key(std::move(wish));
    }
    Result<std::vector<ApiKey>> api_keys() override { return library_->api_keys(); }
    Result<SealingKeys> sealing_keys() override { return library_->sealing_keys(); }
    Result<SealingKey> change_sealing_key() override { return library_->change_sealing_key(); }
    Result<std::vector<KillSwitch>> kill_switches() override { return library_->kill_switches(); }
    Result<KillSwitch> turn_on_kill_switch(const KillSwitch& wish) override {
        return library_->turn_on_kill_switch(wish);
    }
    Result<KillSwitch> turn_off_kill_switch(const ProviderId& provider) override {
        return library_->turn_off_kill_switch(provider);
    }
    Result<ApiKey> revoke_api_key(const ApiKeyId& id) override {
        return library_->revoke_api_key(id);
    }

private:
    std::unique_ptr<Latchkey> library_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_local(Options options) {
    auto library = Latchkey::open(std::move(options));
    if (!library) return library.error();
    return std::unique_ptr<Backend>{std::make_unique<LocalBackend>(std::move(*library))};
}

}  // namespace latchkey::cli
