#include "io/detail/ssh_session.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>

#include "io/crypto.h"
#include "io/detail/os_error.h"
#include "io/detail/resolver.h"
#include "io/loop.h"
#include "io/machine.h"

namespace gongshu::io::detail {
namespace {

constexpr DurationNs kStep = 100 * kMillisecond;  // so soon a cancel is seen
constexpr std::uint64_t kSecretBytesMax = 64 << 10;

Error stopped() { return Error{Code::conflict, "stopped because somebody asked for it"}; }

std::string peer_of(const SftpAddress& address) {
    return address.user + "@" + to_string(Address{address.host, address.port});
}

Result<std::vector<SocketAddress>> find_host(const Address& address, DurationNs patience, const Clock& clock,
                                             const std::atomic<bool>& cancelled) {
    if (auto number = resolve(address, true)) return number;
    struct Answer {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Result<std::vector<SocketAddress>>> found;
    };
    const auto answer = std::make_shared<Answer>();
    Resolver resolver;
    TRY(resolver.resolve(address, [answer](Result<std::vector<SocketAddress>> found) {
        const std::lock_guard lock(answer->mutex);
        answer->found = std::move(found);
        answer->changed.notify_all();
    }));
    const DurationNs end = clock.monotonic() + patience;
    std::unique_lock lock(answer->mutex);
    while (!answer->found) {
        if (cancelled) return stopped();
        if (clock.monotonic() > end)
            return Error{Code::timeout, "cannot find the host {}: no answer within {} s", address.host,
                         patience / kSecond};
        answer->changed.wait_for(lock, std::chrono::nanoseconds(kStep));
    }
    return std::move(*answer->found);
}

// A socket that closes itself until it is given away.
struct Socket {
    int descriptor = -1;
    explicit Socket(int number) : descriptor(number) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (descriptor >= 0) ::close(descriptor);
    }
    int release() { return std::exchange(descriptor, -1); }
};

Result<int> connect_to(const SocketAddress& where, const std::string& peer, DurationNs patience, const Clock& clock,
                       const std::atomic<bool>& cancelled) {
    Socket socket(TRY(make_socket(where.family())));
    if (::connect(socket.descriptor, where.get(), where.size) == 0) return socket.release();
    if (errno != EINPROGRESS) return os_error(errno, "cannot connect to {}", peer);
    const DurationNs end = clock.monotonic() + patience;
    for (;;) {
        pollfd wanted{socket.descriptor, POLLOUT, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(kStep / kMillisecond));
        if (cancelled) return stopped();
        if (ready > 0) break;
        if (clock.monotonic() > end)
            return Error{Code::timeout, "cannot connect to {}: no answer within {} ms", peer, patience / kMillisecond};
    }
    int number = 0;
    socklen_t bytes = sizeof number;
    ::getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &number, &bytes);
    if (number != 0) return os_error(number, "cannot connect to {}", peer);
    return socket.release();
}

// A secret is worth the name only if nobody else can read its file.
Result<std::string> read_secret(const std::string& path) {
    const FileFacts facts = TRY(file_facts(path));
    if ((facts.mode & 0077) != 0)
        return Error{Code::denied, "others than its owner can read {} (mode {:o}); chmod 600 {}", path, facts.mode,
                     path};
    const Buffer bytes = TRY(read_whole(*make_posix_files(), path, kSecretBytesMax));
    return std::string(as_text(bytes));
}

// Both ways in which a private key says that it is sealed with a passphrase.
bool is_sealed(std::string_view key) {
    if (key.find("ENCRYPTED") != std::string_view::npos) return true;
    constexpr std::string_view kBegin = "-----BEGIN OPENSSH PRIVATE KEY-----", kEnd = "-----END";
    const auto begin = key.find(kBegin);
    if (begin == std::string_view::npos) return false;
    std::string body;
    for (const char c : key.substr(begin + kBegin.size(), key.find(kEnd, begin) - begin - kBegin.size()))
        if (c != '\n' && c != '\r' && c != ' ') body += c;
    const auto bytes = from_base64(body);
    constexpr std::size_t kHead = sizeof "openssh-key-v1";  // with its zero
    if (!bytes || bytes->size() < kHead + 8) return false;
    const std::size_t length = (*bytes)[kHead + 3];
    return as_text(*bytes).substr(kHead + 4, length) != "none";
}

}  // namespace

SshSession::SshSession(const SftpOptions& options, int socket, const std::atomic<bool>& cancelled)
    : peer_(peer_of(options.address)),
      patience_(options.patience),
      cancelled_(cancelled),
      clock_(make_system_clock()),
      socket_(socket) {
    static const int ready = ::libssh2_init(0);
    if (ready == 0) session_ = ::libssh2_session_init_ex(take_memory, give_memory, change_memory, this);
    if (session_ != nullptr) ::libssh2_session_set_blocking(session_, 0);
}

SshSession::~SshSession() {
    if (session_ != nullptr && !dead_ && !cancelled_) {
        patience_ = kSecond;  // a farewell, no more
        (void)finish(
            [&] { return ::libssh2_session_disconnect_ex(session_, SSH_DISCONNECT_BY_APPLICATION, "done", ""); });
    }
    ::shutdown(socket_, SHUT_RDWR);  // from here nothing waits for anything
    constexpr int kTriesMax = 100;
    for (int i = 0; sftp_ != nullptr && i < kTriesMax && ::libssh2_sftp_shutdown(sftp_) == LIBSSH2_ERROR_EAGAIN; ++i) {
    }
    for (int i = 0; session_ != nullptr && i < kTriesMax && ::libssh2_session_free(session_) == LIBSSH2_ERROR_EAGAIN;
         ++i) {
    }
    for (void* const forgotten : memory_) std::free(forgotten);
    ::close(socket_);
}

void* SshSession::take_memory(std::size_t bytes, void** session) {
    void* const memory = std::malloc(bytes);
    if (memory != nullptr) static_cast<SshSession*>(*session)->memory_.insert(memory);
    return memory;
}

void SshSession::give_memory(void* memory, void** session) {
    static_cast<SshSession*>(*session)->memory_.erase(memory);
    std::free(memory);
}

void* SshSession::change_memory(void* memory, std::size_t bytes, void** session) {
    auto& all = static_cast<SshSession*>(*session)->memory_;
    void* const changed = std::realloc(memory, bytes);
    if (changed == nullptr) return nullptr;
    all.erase(memory);
    all.insert(changed);
    return changed;
}

Result<std::shared_ptr<SshSession>> SshSession::connect(const SftpOptions& options, const std::string& host_keys,
                                                        const std::atomic<bool>& cancelled) {
    const Address address{options.address.host, options.address.port};
    const std::string peer = peer_of(options.address);
    const auto clock = make_system_clock();
    const auto found = TRY(find_host(address, options.patience, *clock, cancelled));
    Result<int> socket = Error{Code::unavailable, "cannot find the host {}: {}", address.host, "no reason given"};
    for (const SocketAddress& one : found) {
        socket = connect_to(one, peer, options.patience, *clock, cancelled);
        if (socket || cancelled) break;
    }
    if (!socket) return socket.error();
    auto session = std::make_shared<SshSession>(options, *socket, cancelled);
    if (session->session_ == nullptr) return Error{Code::io, "the SSH library cannot start"};
    if (::libssh2_session_method_pref(session->session_, LIBSSH2_METHOD_HOSTKEY, host_keys.c_str()) != 0)
        return Error{Code::unsupported, "the SSH library knows none of the keys {}", host_keys};
    const auto shaken =
        session->finish([&] { return ::libssh2_session_handshake(session->session_, session->socket_); });
    if (!shaken) return shaken.error();
    if (*shaken != 0) return session->broken();
    return session;
}

Result<void> SshSession::begin() {
    if (dead_) return *dead_;
    progress_at_ = clock_->monotonic();
    return {};
}

Result<void> SshSession::wait() {
    const int ways = ::libssh2_session_block_directions(session_);
    for (;;) {
        if (cancelled_) return die(stopped());
        pollfd wanted{socket_, 0, 0};
        if (ways == 0 || (ways & LIBSSH2_SESSION_BLOCK_INBOUND) != 0) wanted.events |= POLLIN;
        if ((ways & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0) wanted.events |= POLLOUT;
        const int ready = ::poll(&wanted, 1, static_cast<int>(kStep / kMillisecond));
        const DurationNs now = clock_->monotonic();
        if (ready > 0) {
            progress_at_ = now;
            return {};
        }
        if (ready < 0 && errno != EINTR) return die(os_error(errno, "the connection with {} failed", peer_));
        if (now - progress_at_ > patience_)
            return die(Error{Code::timeout, "{} gave no sign for {} s", peer_, patience_ / kSecond});
    }
}

// What the server refuses leaves the connection as it is; all else ends it.
Result<void> SshSession::after(std::int64_t number) {
    static constexpr int kRefusals[] = {LIBSSH2_ERROR_SFTP_PROTOCOL,
                                        LIBSSH2_ERROR_AUTHENTICATION_FAILED,
                                        LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED,
                                        LIBSSH2_ERROR_BUFFER_TOO_SMALL,
                                        LIBSSH2_ERROR_FILE,
                                        LIBSSH2_ERROR_METHOD_NONE};
    if (number >= 0 || std::ranges::find(kRefusals, number) != std::end(kRefusals)) return {};
    return die(broken());
}

Error SshSession::die(Error why) {
    if (!dead_) dead_ = std::move(why);
    ::shutdown(socket_, SHUT_RDWR);
    return *dead_;
}

Error SshSession::broken() const {
    char* text = nullptr;
    int bytes = 0;
    ::libssh2_session_last_error(session_, &text, &bytes, 0);
    return Error{Code::unavailable, "the connection with {} failed: {}", peer_,
                 text != nullptr && bytes > 0 ? std::string_view(text, static_cast<std::size_t>(bytes))
                                              : std::string_view("no reason given")};
}

Error SshSession::refusal() const {
    switch (::libssh2_sftp_last_error(sftp_)) {
        case LIBSSH2_FX_NO_SUCH_FILE:
        case LIBSSH2_FX_NO_SUCH_PATH:
            return Error{Code::not_found, "No such file or directory"};
        case LIBSSH2_FX_PERMISSION_DENIED:
        case LIBSSH2_FX_WRITE_PROTECT:
            return Error{Code::io, "Permission denied"};
        case LIBSSH2_FX_FILE_ALREADY_EXISTS:
            return Error{Code::exists, "File exists"};
        case LIBSSH2_FX_NO_SPACE_ON_FILESYSTEM:
            return Error{Code::io, "No space left on device"};
        case LIBSSH2_FX_QUOTA_EXCEEDED:
            return Error{Code::io, "Disk quota exceeded"};
        case LIBSSH2_FX_OP_UNSUPPORTED:
            return Error{Code::unsupported, "the server cannot do that"};
        case LIBSSH2_FX_FAILURE:
            return Error{Code::io, "the server refused and does not say why"};
        default:
            return Error{Code::io, "the server refused with number {}", ::libssh2_sftp_last_error(sftp_)};
    }
}

Result<std::string> SshSession::fingerprint() const {
    const char* const digest = ::libssh2_hostkey_hash(session_, LIBSSH2_HOSTKEY_HASH_SHA256);
    if (digest == nullptr) return Error{Code::unavailable, "{} showed no key of its own", peer_};
    std::string text = base64(as_bytes(std::string_view(digest, 32)));
    while (text.ends_with('=')) text.pop_back();
    return "SHA256:" + text;
}

Result<void> SshSession::sign_in(const SftpOptions& options) {
    return options.key_file.empty() ? sign_in_by_password(options) : sign_in_by_key(options);
}

Result<void> SshSession::sign_in_by_key(const SftpOptions& options) {
    std::string key = TRY(read_secret(options.key_file));
    if (key.find("PRIVATE KEY-----") == std::string::npos)
        return Error{Code::invalid, "{} is no private key that can be read; ssh-keygen -t ed25519 makes one",
                     options.key_file};
    if (is_sealed(key))
        return Error{
            Code::unsupported,
            "the key {} needs a passphrase, which a server that starts by itself cannot type; make one without: "
            "ssh-keygen -t ed25519 -N \"\" -f {}",
            options.key_file, options.key_file};
    const std::string& user = options.address.user;
    const auto done = finish([&] {
        return ::libssh2_userauth_publickey_frommemory(session_, user.data(), user.size(), nullptr, 0, key.data(),
                                                       key.size(), nullptr);
    });
    std::ranges::fill(key, '\0');
    if (!done) return Error(done.error()).context("cannot sign in with the key {}", options.key_file);
    if (*done == 0) return {};
    return Error{Code::denied,
                 "{} does not let us in with the key {}: put its public half into the server's authorized_keys; new "
                 "servers take no RSA key from here, ed25519 they do",
                 peer_, options.key_file};
}

Result<void> SshSession::sign_in_by_password(const SftpOptions& options) {
    if (options.password_file.empty())
        return Error{Code::invalid, "{} asks who we are: name a private key, or a file with a password", peer_};
    password_ = TRY(read_secret(options.password_file));
    password_.resize(std::min(password_.size(), password_.find_first_of("\r\n")));
    const std::string& user = options.address.user;
    const auto bytes = static_cast<unsigned>(user.size());
    const auto ways = TRY(finish_pointer([&] { return ::libssh2_userauth_list(session_, user.c_str(), bytes); }));
    const std::string_view list = ways != nullptr ? std::string_view(ways) : std::string_view{};
    const bool plain = list.find("password") != std::string_view::npos;
    const auto tell = [](const char*, int, const char*, int, int count, const LIBSSH2_USERAUTH_KBDINT_PROMPT*,
                         LIBSSH2_USERAUTH_KBDINT_RESPONSE* answers, void** abstract) {
        const std::string& password = static_cast<SshSession*>(*abstract)->password_;
        for (int i = 0; i < count; ++i) {
            answers[i].text = static_cast<char*>(take_memory(password.size() + 1, abstract));  // the library frees it
            if (answers[i].text == nullptr) return;
            std::ranges::copy(password, answers[i].text);
            answers[i].length = static_cast<unsigned>(password.size());
        }
    };
    const auto done = finish([&] {
        if (plain)
            return ::libssh2_userauth_password_ex(session_, user.c_str(), bytes, password_.data(),
                                                  static_cast<unsigned>(password_.size()), nullptr);
        return ::libssh2_userauth_keyboard_interactive_ex(session_, user.c_str(), bytes, tell);
    });
    std::ranges::fill(password_, '\0');
    if (!done) return done.error();
    if (*done == 0) return {};
    return Error{Code::denied, "{} does not let us in: the password in {} is not the one that it knows", peer_,
                 options.password_file};
}

Result<void> SshSession::start_sftp() {
    sftp_ = TRY(finish_pointer([&] { return ::libssh2_sftp_init(session_); }));
    if (sftp_ == nullptr) return Error{Code::unsupported, "{} lets us in but offers no SFTP", peer_};
    return {};
}

}  // namespace gongshu::io::detail
