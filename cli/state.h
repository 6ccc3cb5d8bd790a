#pragma once

#include <map>
#include <string>
#include <vector>

#include <latchkey/error.h>
#include <latchkey/options.h>
#include <latchkey/provider.h>

namespace latchkey::cli {

/// A registration that a login used. Its secret is not here: it is read from its file each time.
struct KnownProvider {
    std::string id;
    std::string client_id;
    std::string client_secret_file;  ///< empty: a public client
    std::string login_url;
    std::string redirect_uri;
    std::vector<std::string> scopes;
};

/// The command line's own corner of a user's state directory: the store, its master key, and
/// `cli.json` with registrations and aliases. Everything is mode 0600 in a folder of mode 0700.
class StateFolder {
public:
    /// $LATCHKEY_STATE, else $XDG_STATE_HOME/latchkey, else ~/.local/state/latchkey; made if absent.
    /// errors  misconfigured  state_folder, state_file_damaged
    static Result<StateFolder> open();

    std::vector<KnownProvider>& providers() { return providers_; }
    std::map<std::string, std::string>& aliases() { return aliases_; }
    const std::map<std::string, std::string>& aliases() const { return aliases_; }

    /// Writes cli.json by rename. errors  misconfigured state_folder
    Result<void> save() const;

    /// How the library opens this folder's store. A registration whose secret file cannot be read is
    /// left out, with a word on standard error: the others stay usable.
    Options options() const;

private:
    std::string folder_;
    std::vector<KnownProvider> providers_;
    std::map<std::string, std::string> aliases_;  ///< alias to connection id
};

/// A secret's file, at most 4 KiB, without its line end; "-" is standard input.
/// errors  misconfigured  secret_file (unreadable, empty, or readable by others)
Result<Secret> read_secret_file(const std::string& path);

}  // namespace latchkey::cli
