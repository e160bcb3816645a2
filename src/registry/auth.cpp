#include "registry/auth.h"

#include <algorithm>
#include <boost/json.hpp>
#include <mutex>

#include "base/assert.h"
#include "base/log.h"
#include "io/crypto.h"
#include "registry/auth_tables.h"
#include "registry/kinds/access.h"
#include "registry/names.h"
#include "registry/password.h"
#include "registry/scram.h"
#include "registry/tries.h"

namespace gongshu::registry {

namespace {

constexpr std::size_t kTriesKeysMax = 20'000;
constexpr std::size_t kRememberedMax = 10'000;
constexpr DurationNs kUsedStoredEvery = 10 * kMinute;
constexpr DurationNs kOneTimeAge = kDay;
const char* const kWrong = "user or password is wrong";
const char* const kChanged = "the password was changed at this moment; sign in with the new one";

// "1.2.3.4:5678" and "[::1]:5678" without the port: the next try comes from another one.
std::string host_of(std::string_view from) {
    if (from.starts_with('[')) return std::string(from.substr(0, from.find(']') + 1));
    const auto colon = from.find(':');
    return std::string(colon != from.npos && from.find(':', colon + 1) == from.npos ? from.substr(0, colon) : from);
}

Error too_many(DurationNs wait) {
    return Error{Code::limit, "too many failed sign-ins of this user or from this address: try again in {} s",
                 (wait + kSecond - 1) / kSecond};
}

// Where a known uid is now.
struct Place {
    TenantId tenant;
    std::string kind, name;
};

class AuthImpl final : public Auth, public ScramAuth {
public:
    AuthImpl(RegistryImpl& registry, const Clock& clock, AuthOptions options, AuthTables tables)
        : registry_(registry),
          clock_(clock),
          options_(options),
          passwords_(options.argon2_memory_kib, options.argon2_passes, options.hashes_at_once_max),
          tables_(std::move(tables)),
          scram_(registry.auth_key(), std::exchange(tables_.scram, {})),
          user_tries_(options.tries_max, options.tries_window, kTriesKeysMax),
          address_tries_(options.tries_max, options.tries_window, kTriesKeysMax) {
        for (const auto& [tenant, name] : registry_.tenants()) {
            for (const char* kind : {"user", "token", "device"}) {
                for (const auto& resource : registry_.list_shared(tenant, kind))
                    places_[resource->uid] = {tenant, kind, resource->name};
            }
        }
        subscription_ = registry_.subscribe([this](const Change& change) { on_change(change); });
        registry_.set_may_sign_in([this](const std::string& uid) { return may_sign_in(uid); });
    }
    ~AuthImpl() override {
        registry_.set_may_sign_in({});
        registry_.unsubscribe(subscription_);
    }

    Result<void> make_first_user();
    Result<void> invite_again(const Actor& system, FirstSignIn first);
    Result<void> take_given_password(const Actor& system, const Owner& owner, const std::string& user);
    Result<void> invite(const Owner& owner, FirstSignIn first);
    std::optional<FirstSignIn> take_first_sign_in() override { return std::exchange(first_, std::nullopt); }

    Result<Session> sign_in(std::string_view user, std::string_view password, std::string_view from) override;
    Result<Session> sign_in_once(std::string_view one_time, std::string_view from) override;
    void sign_out(std::string_view session_token) override;
    DurationNs retry_after(std::string_view user, std::string_view from) const override;
    Result<Principal> check_session(std::string_view token, std::string_view from) override;
    Result<Principal> check_token(std::string_view token, std::string_view from) override;
    Result<Principal> check_bearer(std::string_view token, std::string_view from) override;
    Result<Principal> check_password(std::string_view user, std::string_view password, std::string_view from) override;
    ScramTerms scram_terms() const override { return scram_.terms(); }
    Result<ScramSignIn> check_scram(std::string_view message, std::string_view proof, std::string_view from) override;
    Result<void> change_password(const Principal& who, std::string_view old, std::string_view fresh,
                                 std::string_view keep_session) override;
    Result<void> set_password(const Actor& actor, std::string_view user, std::string_view password) override;
    Result<std::string> issue_token(const Actor& actor, std::string_view name) override;
    Result<DeviceCredential> issue_device(const Actor& actor, std::string_view device) override;
    Result<MqttPrincipal> check_mqtt(std::string_view username, std::string_view password,
                                     std::string_view from) override;
    bool mqtt_check_is_slow(std::string_view username, std::string_view password) const override;
    std::uint64_t on_revoked(std::function<void(TenantId, const std::string&)> callback) override;
    void forget(std::uint64_t subscription) override;
    void tidy() override;

private:
    struct Named {
        std::optional<TenantId> tenant;
        std::string tenant_name, user;
    };
    // Who came in, and the hash of the password at that moment: a change since then makes it void.
    struct Verified {
        Owner owner;
        std::string hash;
    };
    struct Remembered {
        Owner owner;
        DurationNs until = 0;
    };

    std::string hmac(std::string_view purpose, std::string_view secret) const {
        return to_hex(io::hmac_sha256(registry_.auth_key(), as_bytes(fmt::format("{}:{}", purpose, secret))));
    }
    Named parse_user(std::string_view user) const;
    static std::string user_key(const Named& named) { return named.tenant_name + "\n" + named.user; }
    std::optional<Place> place_of(const std::string& uid) const;
    // Whether this user has a password, or a link for one sign-in that still works.
    bool may_sign_in(const std::string& uid) const;
    // Whether the tenant still exists and may be used.
    Result<void> check_tenant(TenantId tenant) const;
    Result<Principal> principal_of(const Owner& owner, std::string_view from) const;
    Result<void> set_rights(Principal& principal, std::string_view role) const;
    Result<Verified> verify(std::string_view user, std::string_view password, std::string_view from,
                            std::string_view door);
    // Of the present password; empty if there is none. Under mutex_.
    std::string hash_of(const std::string& uid) const;
    Result<Session> open_session(const Verified& verified, std::string_view from, std::string_view action,
                                 std::vector<Statement> statements);
    std::vector<std::string> crowded_out(const Owner& owner) const;
    Result<DevicePrincipal> device_of(const Owner& owner) const;
    // With `instead_of` only if the present password still has that hash, else Code::unauthorized.
    Result<void> store_password(const Owner& owner, std::string_view user, std::string_view password,
                                MustChange must_change, const Actor& actor, const std::string& keep_session_hmac,
                                const std::optional<std::string>& instead_of);
    void refused(const Named& named, std::string_view action, std::string_view from);
    void on_change(const Change& change);
    void on_role(const Resource& role);
    void end(const Owner& owner, bool forget_secrets);
    void tell_revoked(TenantId tenant, const std::string& who);

    // Constant after construction.
    RegistryImpl& registry_;
    const Clock& clock_;
    const AuthOptions options_;
    std::uint64_t subscription_ = 0;
    std::optional<FirstSignIn> first_;

    Passwords passwords_;
    std::mutex writer_;  // one change of credentials at a time; taken before mutex_

    mutable std::mutex mutex_;  // all below; never held while the disk or Argon2id works
    AuthTables tables_;
    ScramTokens scram_;                              // with a mutex of its own
    std::unordered_map<std::string, Place> places_;  // of users, tokens and devices, by uid
    std::unordered_map<std::string, Remembered> remembered_;
    Tries user_tries_, address_tries_;

    std::mutex callbacks_mutex_;
    std::map<std::uint64_t, std::function<void(TenantId, const std::string&)>> callbacks_;
    std::uint64_t callback_last_ = 0;
};

AuthImpl::Named AuthImpl::parse_user(std::string_view user) const {
    const auto at = user.rfind('@');
    Named out{std::nullopt, std::string(at == user.npos ? kDefaultTenant : user.substr(at + 1)),
              std::string(user.substr(0, at))};
    out.tenant = registry_.tenant_id(out.tenant_name);
    return out;
}

std::optional<Place> AuthImpl::place_of(const std::string& uid) const {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(uid);
    if (found == places_.end()) return std::nullopt;
    return found->second;
}

bool AuthImpl::may_sign_in(const std::string& uid) const {
    const std::lock_guard lock(mutex_);
    return tables_.passwords.contains(uid) || std::ranges::any_of(tables_.one_time, [&](const auto& item) {
               return item.second.owner.uid == uid && item.second.expires > clock_.now();
           });
}

Result<void> AuthImpl::check_tenant(TenantId tenant) const {
    const std::string name = registry_.tenant_name(tenant);
    const auto resource = registry_.find(kDefaultTenantId, "tenant", name);
    if (!resource) return Error{Code::unauthorized, "the tenant is gone"};
    if (TRY(spec_of<TenantSpec>(*resource)).disabled)
        return Error{Code::unauthorized, "the tenant \"{}\" is disabled", name};
    return {};
}

Result<void> AuthImpl::set_rights(Principal& principal, std::string_view role) const {
    const auto resource = registry_.find(principal.actor.tenant, "role", role);
    if (!resource) return Error{Code::unauthorized, "the role \"{}\" of {} is gone", role, principal.actor.who};
    RoleSpec spec = TRY(spec_of<RoleSpec>(*resource));
    principal.actor.role = spec.base;
    principal.paths = std::move(spec.paths);
    return {};
}

Result<Principal> AuthImpl::principal_of(const Owner& owner, std::string_view from) const {
    TRY(check_tenant(owner.tenant));
    const auto place = place_of(owner.uid);
    const auto resource = place ? registry_.find(place->tenant, place->kind, place->name) : nullptr;
    if (!resource || resource->uid != owner.uid) return Error{Code::unauthorized, "this user or token is gone"};
    Principal out;
    out.name = resource->name;
    out.actor = {owner.tenant, registry_.tenant_name(owner.tenant), place->kind + ":" + resource->name, Role::none,
                 std::string(from)};
    if (place->kind == "token") {
        const TokenSpec spec = TRY(spec_of<TokenSpec>(*resource));
        out.is_token = true;
        if (spec.expires) out.expires = TRY(parse_rfc3339(*spec.expires));
        if (spec.disabled) return Error{Code::unauthorized, "the token \"{}\" is disabled", out.name};
        if (out.expires != 0 && clock_.now() >= out.expires)
            return Error{Code::unauthorized, "the token \"{}\" has expired", out.name};
        TRY(set_rights(out, spec.role));
        return out;
    }
    const UserSpec spec = TRY(spec_of<UserSpec>(*resource));
    if (spec.disabled) return Error{Code::unauthorized, "the user \"{}\" is disabled", out.name};
    TRY(set_rights(out, spec.role));
    const std::lock_guard lock(mutex_);
    if (const auto password = tables_.passwords.find(owner.uid); password != tables_.passwords.end()) {
        out.must_change_password = password->second.must_change != MustChange::no;
        out.password_of_another = password->second.must_change == MustChange::other;
    }
    return out;
}

void AuthImpl::refused(const Named& named, std::string_view action, std::string_view from) {
    // A tenant that does not exist has nobody who could read the record: it goes to the first one.
    const Actor nobody{named.tenant.value_or(kDefaultTenantId), named.tenant_name, "nobody", Role::none,
                       std::string(from)};
    registry_.audit(nobody, action, "user", named.user.substr(0, kNameBytesMax), "{}", false);
}

std::string AuthImpl::hash_of(const std::string& uid) const {
    const auto found = tables_.passwords.find(uid);
    return found == tables_.passwords.end() ? std::string() : found->second.hash;
}

Result<AuthImpl::Verified> AuthImpl::verify(std::string_view user, std::string_view password, std::string_view from,
                                            std::string_view door) {
    const Named named = parse_user(user);
    const std::string key = user_key(named), host = host_of(from);
    std::string encoded;
    Owner owner;
    const auto resource = named.tenant ? registry_.find(*named.tenant, "user", named.user) : nullptr;
    {
        const std::lock_guard lock(mutex_);
        const DurationNs now = clock_.monotonic();
        if (const DurationNs wait = std::max(user_tries_.wait(key, now), address_tries_.wait(host, now)); wait > 0) {
            return too_many(wait);
        }
        // Counted before it is known, so that many tries at once are not more than many tries one by one.
        user_tries_.failed(key, now);
        address_tries_.failed(host, now);
        if (resource) {
            owner = {resource->tenant, resource->uid};
            encoded = hash_of(resource->uid);
        }
    }
    const auto right = passwords_.verify(encoded, password);
    const auto who =
        right && *right ? principal_of(owner, from) : Result<Principal>(Error{Code::unauthorized, "{}", kWrong});
    if (!right || who) {
        const std::lock_guard lock(mutex_);
        address_tries_.forgive(host);
        if (who) {
            user_tries_.succeeded(key);
        } else {
            user_tries_.forgive(key);
        }
    }
    if (!right) return right.error();
    if (who) return Verified{owner, encoded};
    refused(named, door, from);
    return Error{Code::unauthorized, "{}", kWrong};
}

std::vector<std::string> AuthImpl::crowded_out(const Owner& owner) const {
    std::vector<std::pair<TimeNs, std::string>> own, all;
    for (const auto& [key, session] : tables_.sessions) {
        all.emplace_back(session.used, key);
        if (session.owner == owner) own.emplace_back(session.used, key);
    }
    std::vector<std::string> out;
    if (own.size() >= options_.sessions_of_user_max) {
        out.push_back(std::ranges::min_element(own)->second);
    } else if (all.size() >= options_.sessions_max) {
        out.push_back(std::ranges::min_element(all)->second);
    }
    return out;
}

Result<Session> AuthImpl::open_session(const Verified& verified, std::string_view from, std::string_view action,
                                       std::vector<Statement> statements) {
    const Owner& owner = verified.owner;
    Session session{io::random_token(), io::random_token(), TRY(principal_of(owner, from))};
    session.principal.csrf = session.csrf;
    const TimeNs now = clock_.now();
    session.principal.expires = now + options_.age_max;
    const std::string key = hmac("session", session.token);
    const std::lock_guard writer(writer_);
    std::vector<std::string> crowded;
    {
        const std::lock_guard lock(mutex_);
        // Changed while Argon2id worked; until writer_ is free again it cannot change any more.
        if (hash_of(owner.uid) != verified.hash) return Error{Code::unauthorized, "{}", kChanged};
        crowded = crowded_out(owner);
    }
    for (const std::string& out : crowded) statements.push_back({"delete from auth_sessions where hmac = :a", {out}});
    statements.push_back(
        {"insert into auth_sessions (hmac, tenant, uid, csrf, created, used) values (:a, :b, :c, :d, :e, :f)",
         {key, static_cast<std::int64_t>(owner.tenant.value), owner.uid, session.csrf, now, now}});
    statements.push_back(registry_.audit_of(session.principal.actor, action, "user", session.principal.name, "{}"));
    TRY(registry_.database().change(statements).context("cannot open a session"));
    const std::lock_guard lock(mutex_);
    for (const std::string& out : crowded) tables_.sessions.erase(out);
    tables_.sessions[key] = {owner, session.csrf, now, now, now};
    return session;
}

Result<Session> AuthImpl::sign_in(std::string_view user, std::string_view password, std::string_view from) {
    const Verified verified = TRY(verify(user, password, from, "sign_in"));
    return open_session(verified, from, "sign_in", {});
}

Result<Session> AuthImpl::sign_in_once(std::string_view one_time, std::string_view from) {
    const std::string key = hmac("one_time", one_time), host = host_of(from);
    std::optional<StoredOneTime> found;
    std::string hash;
    {
        const std::lock_guard lock(mutex_);
        const DurationNs now = clock_.monotonic();
        if (const DurationNs wait = address_tries_.wait(host, now); wait > 0) {
            return too_many(wait);
        }
        // Taken out at once: of two who come with it, one gets in.
        if (const auto node = tables_.one_time.extract(key); !node.empty() && node.mapped().expires > clock_.now())
            found = node.mapped();
        if (!found) address_tries_.failed(host, now);
        if (found) hash = hash_of(found->owner.uid);
    }
    if (!found) {
        refused({kDefaultTenantId, std::string(kDefaultTenant), ""}, "sign_in_once", from);
        return Error{Code::unauthorized, "this link was used already or has expired; sign in with user and password"};
    }
    return open_session({found->owner, hash}, from, "sign_in_once",
                        {{"delete from auth_one_time where hmac = :a", {key}}});
}

void AuthImpl::sign_out(std::string_view session_token) {
    const std::string key = hmac("session", session_token);
    StoredSession gone;
    {
        const std::lock_guard lock(mutex_);
        auto node = tables_.sessions.extract(key);
        if (node.empty()) return;
        gone = std::move(node.mapped());
    }
    if (auto stored = registry_.database().change({{"delete from auth_sessions where hmac = :a", {key}}}); !stored) {
        log_error("registry", "a session ended but comes back after a restart: {}", stored.error().text());
    }
    tell_revoked(gone.owner.tenant, fmt::format("{}{}", kRevokedSession, gone.csrf));
}

DurationNs AuthImpl::retry_after(std::string_view user, std::string_view from) const {
    const std::string key = user_key(parse_user(user));
    const std::lock_guard lock(mutex_);
    const DurationNs now = clock_.monotonic();
    return std::max(user_tries_.wait(key, now), address_tries_.wait(host_of(from), now));
}

Result<Principal> AuthImpl::check_session(std::string_view token, std::string_view from) {
    const std::string key = hmac("session", token);
    StoredSession session;
    {
        const std::lock_guard lock(mutex_);
        const auto found = tables_.sessions.find(key);
        if (found == tables_.sessions.end())
            return Error{Code::unauthorized, "this session is not known; sign in again"};
        const TimeNs now = clock_.now();
        const bool over =
            now - found->second.used > options_.idle_max || now - found->second.created > options_.age_max;
        if (over) return Error{Code::unauthorized, "this session has expired; sign in again"};
        found->second.used = std::max(found->second.used, now);
        session = found->second;
    }
    Principal out = TRY(principal_of(session.owner, from));
    out.csrf = session.csrf;
    out.expires = session.created + options_.age_max;
    return out;
}

Result<Principal> AuthImpl::check_token(std::string_view token, std::string_view from) {
    const std::string key = hmac("token", token);
    Owner owner;
    {
        const std::lock_guard lock(mutex_);
        const auto found = tables_.tokens.find(key);
        if (found == tables_.tokens.end()) return Error{Code::unauthorized, "this token is not known"};
        owner = found->second;
    }
    return principal_of(owner, from);
}

Result<ScramSignIn> AuthImpl::check_scram(std::string_view message, std::string_view proof, std::string_view from) {
    auto found = scram_.find(message, proof);
    auto who = found ? principal_of(found->owner, from) : Result<Principal>(Error{Code::unauthorized, "{}", kWrong});
    if (who) return ScramSignIn{std::move(*who), std::move(found->signature)};
    refused({kDefaultTenantId, std::string(kDefaultTenant), "token"}, "scram", from);
    return who.error();
}

Result<Principal> AuthImpl::check_bearer(std::string_view token, std::string_view from) {
    return token.starts_with(kTokenPrefix) ? check_token(token, from) : check_session(token, from);
}

Result<Principal> AuthImpl::check_password(std::string_view user, std::string_view password, std::string_view from) {
    const std::string key = hmac("password", fmt::format("{}:{}:{}", user.size(), user, password));
    std::optional<Owner> owner;
    {
        const std::lock_guard lock(mutex_);
        const auto found = remembered_.find(key);
        if (found != remembered_.end() && found->second.until > clock_.monotonic()) owner = found->second.owner;
    }
    if (!owner) {
        const Verified verified = TRY(verify(user, password, from, "password"));
        owner = verified.owner;
        const std::lock_guard lock(mutex_);
        if (hash_of(owner->uid) != verified.hash) return Error{Code::unauthorized, "{}", kChanged};
        if (remembered_.size() >= kRememberedMax)
            remembered_.clear();  // costs each of them one more hash, nothing else
        remembered_[key] = {*owner, clock_.monotonic() + options_.cache};
    }
    return principal_of(*owner, from);
}

Result<void> AuthImpl::store_password(const Owner& owner, std::string_view user, std::string_view password,
                                      MustChange must_change, const Actor& actor, const std::string& keep_session_hmac,
                                      const std::optional<std::string>& instead_of) {
    const std::string encoded = TRY(passwords_.hash(password));
    const std::lock_guard writer(writer_);
    if (instead_of) {
        const std::lock_guard lock(mutex_);
        if (hash_of(owner.uid) != *instead_of) return Error{Code::unauthorized, "{}", kChanged};
    }
    const auto tenant = static_cast<std::int64_t>(owner.tenant.value);
    TRY(registry_.database().change(
        {{"delete from auth_passwords where uid = :a", {owner.uid}},
         {"insert into auth_passwords (uid, tenant, hash, must_change) values (:a, :b, :c, :d)",
          {owner.uid, tenant, encoded, static_cast<std::int64_t>(must_change)}},
         {"delete from auth_sessions where uid = :a and hmac <> :b", {owner.uid, keep_session_hmac}},
         {"delete from auth_one_time where uid = :a", {owner.uid}},
         registry_.audit_of(actor, "password_changed", "user", user, "{}")}));
    {
        const std::lock_guard lock(mutex_);
        tables_.passwords[owner.uid] = {owner, encoded, must_change};
        std::erase_if(tables_.sessions,
                      [&](const auto& item) { return item.second.owner == owner && item.first != keep_session_hmac; });
        std::erase_if(tables_.one_time, [&](const auto& item) { return item.second.owner == owner; });
        std::erase_if(remembered_, [&](const auto& item) { return item.second.owner == owner; });
    }
    return {};
}

Result<void> AuthImpl::change_password(const Principal& who, std::string_view old, std::string_view fresh,
                                       std::string_view keep_session) {
    if (who.is_token) return Error{Code::invalid, "a token has no password"};
    const auto resource = registry_.find(who.actor.tenant, "user", who.name);
    if (!resource) return Error{Code::not_found, "there is no user \"{}\"", who.name};
    const Owner owner{resource->tenant, resource->uid};
    bool must_change = false;
    std::string hash;
    {
        const std::lock_guard lock(mutex_);
        hash = hash_of(owner.uid);
        const auto found = tables_.passwords.find(owner.uid);
        must_change = found == tables_.passwords.end() || found->second.must_change != MustChange::no;
    }
    if (!must_change) {
        const auto verified =
            verify(fmt::format("{}@{}", who.name, who.actor.tenant_name), old, who.actor.from, "change_password");
        if (!verified && verified.error().code() == Code::unauthorized)
            return Error{Code::invalid, "old: this is not the present password"};
        if (!verified) return verified.error();
        hash = verified->hash;
        if (old == fresh) return Error{Code::invalid, "password: it must differ from the present one"};
    }
    TRY(check_password_rules(fresh, who.name));
    TRY(store_password(owner, who.name, fresh, MustChange::no, who.actor,
                       keep_session.empty() ? "" : hmac("session", keep_session), hash));
    tell_revoked(owner.tenant, "user:" + who.name);
    return {};
}

Result<void> AuthImpl::set_password(const Actor& actor, std::string_view user, std::string_view password) {
    if (actor.role < Role::admin) return Error{Code::denied, "{} may not set passwords; that takes admin", actor.who};
    const auto resource = registry_.find(actor.tenant, "user", user);
    if (!resource) return Error{Code::not_found, "there is no user \"{}\"", user};
    TRY(check_password_rules(password, user));
    TRY(store_password({resource->tenant, resource->uid}, user, password, MustChange::other, actor, "", std::nullopt));
    tell_revoked(resource->tenant, "user:" + std::string(user));
    return {};
}

Result<std::string> AuthImpl::issue_token(const Actor& actor, std::string_view name) {
    if (actor.role < Role::admin) return Error{Code::denied, "{} may not issue tokens; that takes admin", actor.who};
    const auto resource = registry_.find(actor.tenant, "token", name);
    if (!resource) return Error{Code::not_found, "there is no token \"{}\"; make it first", name};
    const std::string secret = std::string(kTokenPrefix) + io::random_token();
    const std::string key = hmac("token", secret);
    const ScramKeys scram = scram_.keys_of(secret);
    const std::lock_guard writer(writer_);
    TRY(registry_.database().change(
        {{"delete from auth_tokens where uid = :a", {resource->uid}},
         {"insert into auth_tokens (uid, tenant, hmac) values (:a, :b, :c)",
          {resource->uid, static_cast<std::int64_t>(resource->tenant.value), key}},
         {"delete from auth_scram where uid = :a", {resource->uid}},
         {"insert into auth_scram (uid, tenant, sealed) values (:a, :b, :c)",
          {resource->uid, static_cast<std::int64_t>(resource->tenant.value), scram_.sealed(resource->uid, scram)}},
         registry_.audit_of(actor, "token_issued", "token", name, "{}")}));
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(tables_.tokens, [&](const auto& item) { return item.second.uid == resource->uid; });
        tables_.tokens[key] = {resource->tenant, resource->uid};
    }
    scram_.put({resource->tenant, resource->uid}, scram);
    tell_revoked(resource->tenant, "token:" + std::string(name));
    return secret;
}

Result<DeviceCredential> AuthImpl::issue_device(const Actor& actor, std::string_view device) {
    if (actor.role < Role::engineer)
        return Error{Code::denied, "{} may not issue credentials of devices; that takes engineer", actor.who};
    const auto resource = registry_.find(actor.tenant, "device", device);
    if (!resource) return Error{Code::not_found, "there is no device \"{}\"; make it first", device};
    DeviceCredential out{registry_.tenant_name(actor.tenant) + "/" + resource->uid, io::random_token()};
    const std::string key = hmac("device", out.password);
    const std::lock_guard writer(writer_);
    TRY(registry_.database().change({{"delete from auth_devices where uid = :a", {resource->uid}},
                                     {"insert into auth_devices (uid, tenant, hmac) values (:a, :b, :c)",
                                      {resource->uid, static_cast<std::int64_t>(resource->tenant.value), key}},
                                     registry_.audit_of(actor, "credential_issued", "device", device, "{}")}));
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(tables_.devices, [&](const auto& item) { return item.second.uid == resource->uid; });
        tables_.devices[key] = {resource->tenant, resource->uid};
    }
    tell_revoked(resource->tenant, "device:" + resource->uid);
    return out;
}

Result<DevicePrincipal> AuthImpl::device_of(const Owner& owner) const {
    TRY(check_tenant(owner.tenant));
    const auto place = place_of(owner.uid);
    if (!place) return Error{Code::unauthorized, "the device of this credential is gone"};
    return DevicePrincipal{owner.tenant, registry_.tenant_name(owner.tenant), place->name, owner.uid};
}

// No user's name holds a slash, so a device with a stale password costs no Argon2id.
static bool may_be_user(std::string_view username, std::string_view password) {
    return !username.empty() && !password.empty() && username.find('/') == username.npos &&
           !password.starts_with(kTokenPrefix);
}

Result<Auth::MqttPrincipal> AuthImpl::check_mqtt(std::string_view username, std::string_view password,
                                                 std::string_view from) {
    const bool access_token = password.empty();
    const std::string_view secret = access_token ? username : password;
    std::optional<Owner> device;
    {
        const std::string key = hmac("device", secret);
        const std::lock_guard lock(mutex_);
        if (const auto found = tables_.devices.find(key); found != tables_.devices.end()) device = found->second;
    }
    if (device) {
        DevicePrincipal who = TRY(device_of(*device));
        const bool named = access_token || username.empty() || username == who.uid ||
                           username.ends_with("/" + who.uid) || username == who.device ||
                           username == who.tenant_name + "/" + who.device;
        if (named) return MqttPrincipal{std::move(who)};
        refused({who.tenant, who.tenant_name, std::string(username)}, "mqtt", from);
        return Error{Code::unauthorized, "the password is of another device than \"{}\"", username};
    }
    if (password.starts_with(kTokenPrefix)) return MqttPrincipal{TRY(check_token(password, from))};
    if (!may_be_user(username, password)) {
        const std::string who(username.substr(0, username.find('/')));
        refused({registry_.tenant_id(who), who, access_token ? "" : std::string(username)}, "mqtt", from);
        return Error{Code::unauthorized, "{}", kWrong};
    }
    return MqttPrincipal{TRY(check_password(username, password, from))};
}

bool AuthImpl::mqtt_check_is_slow(std::string_view username, std::string_view password) const {
    if (!may_be_user(username, password)) return false;
    const std::string device = hmac("device", password);
    const std::string known = hmac("password", fmt::format("{}:{}:{}", username.size(), username, password));
    const std::lock_guard lock(mutex_);
    if (tables_.devices.contains(device)) return false;
    const auto found = remembered_.find(known);
    return found == remembered_.end() || found->second.until <= clock_.monotonic();
}

std::uint64_t AuthImpl::on_revoked(std::function<void(TenantId, const std::string&)> callback) {
    const std::lock_guard lock(callbacks_mutex_);
    callbacks_[++callback_last_] = std::move(callback);
    return callback_last_;
}

void AuthImpl::forget(std::uint64_t subscription) {
    const std::lock_guard lock(callbacks_mutex_);
    callbacks_.erase(subscription);
}

void AuthImpl::tell_revoked(TenantId tenant, const std::string& who) {
    const std::lock_guard lock(callbacks_mutex_);
    for (const auto& [id, callback] : callbacks_) callback(tenant, who);
}

void AuthImpl::end(const Owner& owner, bool forget_secrets) {
    {
        const std::lock_guard lock(mutex_);
        auto is_owner = [&](const auto& item) { return item.second.owner == owner; };
        std::erase_if(tables_.sessions, is_owner);
        std::erase_if(tables_.one_time, is_owner);
        std::erase_if(remembered_, is_owner);
        if (forget_secrets) {
            tables_.passwords.erase(owner.uid);
            std::erase_if(tables_.tokens, [&](const auto& item) { return item.second == owner; });
            std::erase_if(tables_.devices, [&](const auto& item) { return item.second == owner; });
            places_.erase(owner.uid);
        }
    }
    if (forget_secrets) scram_.erase(owner);
    const std::vector<Statement> statements =
        forget_secrets ? forget_owner(owner.uid)
                       : std::vector<Statement>{{"delete from auth_sessions where uid = :a", {owner.uid}}};
    if (auto stored = registry_.database().change(statements); !stored) {
        // Harmless: a secret whose owner is gone is refused anyway.
        log_warning("registry", "secrets of {} stay in the file: {}", owner.uid, stored.error().text());
    }
}

// Whoever has the role has new rights from now on: principals are made afresh each time; open connections are told.
void AuthImpl::on_role(const Resource& role) {
    for (const char* kind : {"user", "token"}) {
        for (const auto& other : registry_.list_shared(role.tenant, kind)) {
            const Json* of = other->spec.as_object().if_contains("role");
            if (of && of->is_string() && std::string_view(of->get_string()) == role.name) {
                tell_revoked(role.tenant, fmt::format("{}:{}", kind, other->name));
            }
        }
    }
}

void AuthImpl::on_change(const Change& change) {
    const Resource& resource = change.resource;
    const Owner owner{resource.tenant, resource.uid};
    if (resource.kind == "role") return on_role(resource);
    if (resource.kind == "tenant") {
        const auto tenant = registry_.tenant_id(resource.name);
        if (tenant && change.what == Change::What::updated) tell_revoked(*tenant, "*");
        return;
    }
    const bool is_device = resource.kind == "device";
    if (resource.kind != "user" && resource.kind != "token" && !is_device) return;
    const std::string who = is_device ? "device:" + resource.uid : resource.kind + ":" + resource.name;
    if (change.what == Change::What::deleted) {
        const bool renamed = change.differences.size() == 1 && change.differences.front().path == "name" &&
                             change.differences.front().after.is_string();
        const auto now = renamed ? registry_.find(resource.tenant, resource.kind,
                                                  std::string_view(change.differences.front().after.get_string()))
                                 : nullptr;
        if (!now || now->uid != resource.uid) end(owner, true);
        tell_revoked(resource.tenant, who);
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        places_[resource.uid] = {resource.tenant, resource.kind, resource.name};
    }
    if (is_device || change.what != Change::What::updated) return;
    const Json* disabled = resource.spec.as_object().if_contains("disabled");
    if (disabled && disabled->is_bool() && disabled->get_bool()) end(owner, false);
    const bool of_rights = std::ranges::any_of(change.differences, [](const Difference& d) {
        return d.path != "title" && d.path != "email" && d.path != "note";
    });
    if (of_rights) tell_revoked(resource.tenant, who);
}

void AuthImpl::tidy() {
    std::vector<Statement> statements;
    {
        const std::lock_guard lock(mutex_);
        const TimeNs now = clock_.now();
        for (auto item = tables_.sessions.begin(); item != tables_.sessions.end();) {
            StoredSession& session = item->second;
            if (now - session.used > options_.idle_max || now - session.created > options_.age_max) {
                statements.push_back({"delete from auth_sessions where hmac = :a", {item->first}});
                item = tables_.sessions.erase(item);
                continue;
            }
            if (session.used - session.used_stored > kUsedStoredEvery) {
                statements.push_back(
                    {"update auth_sessions set used = :a where hmac = :b", {session.used, item->first}});
                session.used_stored = session.used;
            }
            ++item;
        }
        std::erase_if(tables_.one_time, [&](const auto& item) {
            if (item.second.expires > now) return false;
            statements.push_back({"delete from auth_one_time where hmac = :a", {item.first}});
            return true;
        });
        std::erase_if(remembered_, [&](const auto& item) { return item.second.until <= clock_.monotonic(); });
    }
    if (!statements.empty()) {
        if (auto stored = registry_.database().change(statements); !stored) {
            log_warning("registry", "times of sessions are not stored: {}", stored.error().text());
        }
    }
    registry_.tidy_audit();
}

Result<void> AuthImpl::make_first_user() {
    const Actor system{kDefaultTenantId, std::string(kDefaultTenant), "system", Role::admin, ""};
    FirstSignIn first;
    if (!tables_.passwords.empty()) return invite_again(system, std::move(first));
    if (!registry_.find(kDefaultTenantId, "user", first.user)) {
        TRY(registry_.put(system, "user", first.user, Json{{"title", ""}, {"role", "admin"}}, {}));
    }
    const auto user = registry_.find(kDefaultTenantId, "user", first.user);
    ASSERT(user);
    const Owner owner{kDefaultTenantId, user->uid};
    const bool given = !options_.admin_password.empty();
    if (given) return take_given_password(system, owner, first.user);
    // 20 characters of 64 kinds: 120 bits.
    first.password = io::random_token().substr(0, 20);
    TRY(store_password(owner, first.user, first.password, MustChange::first, system, "", std::nullopt));
    return invite(owner, std::move(first));
}

Result<void> AuthImpl::take_given_password(const Actor& system, const Owner& owner, const std::string& user) {
    if (!check_password_rules(options_.admin_password, user))
        log_warning("registry", "the given password of {} is weak; choose another one soon", user);
    return store_password(owner, user, options_.admin_password, MustChange::no, system, "", std::nullopt);
}

// Nobody has come in yet: what the first start told may never have been seen (its ports were busy, its window was
// closed). The password it told stays; there is a fresh link.
Result<void> AuthImpl::invite_again(const Actor& system, FirstSignIn first) {
    const auto user = registry_.find(kDefaultTenantId, "user", first.user);
    if (!user || tables_.passwords.size() != 1) return {};
    const auto found = tables_.passwords.find(user->uid);
    if (found == tables_.passwords.end() || found->second.must_change != MustChange::first) return {};
    const Owner owner = found->second.owner;
    if (!options_.admin_password.empty()) return take_given_password(system, owner, first.user);
    TRY(registry_.database().change({{"delete from auth_one_time where uid = :a", {owner.uid}}}));
    std::erase_if(tables_.one_time, [&](const auto& item) { return item.second.owner == owner; });
    return invite(owner, std::move(first));
}

Result<void> AuthImpl::invite(const Owner& owner, FirstSignIn first) {
    first.one_time = io::random_token();
    const std::string key = hmac("one_time", first.one_time);
    const TimeNs expires = clock_.now() + kOneTimeAge;
    TRY(registry_.database().change({{"insert into auth_one_time (hmac, tenant, uid, expires) values (:a, :b, :c, :d)",
                                      {key, static_cast<std::int64_t>(owner.tenant.value), owner.uid, expires}}}));
    tables_.one_time[key] = {owner, expires};
    first_ = std::move(first);
    return {};
}

}  // namespace

ScramAuth& scram_of(Auth& auth) {
    auto* own = dynamic_cast<ScramAuth*>(&auth);
    ASSERT(own);
    return *own;
}

Result<std::unique_ptr<Auth>> Auth::create(Registry& registry, const Clock& clock, AuthOptions options) {
    auto* own = dynamic_cast<RegistryImpl*>(&registry);
    ASSERT(own);
    auto made = std::make_unique<AuthImpl>(*own, clock, std::move(options), TRY(load_auth_tables(own->database())));
    TRY(made->make_first_user());
    return std::unique_ptr<Auth>(std::move(made));
}

}  // namespace gongshu::registry
