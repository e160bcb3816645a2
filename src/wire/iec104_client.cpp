#include "wire/iec104_client.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/assert.h"

namespace gongshu::wire::iec104 {

namespace {

std::uint16_t next_number(std::uint16_t number) { return static_cast<std::uint16_t>((number + 1) % kSequenceCount); }

std::int64_t milliseconds(DurationNs duration) { return duration / kMillisecond; }

bool is_refusal(const Asdu& asdu) {
    return asdu.negative || (asdu.cause >= Cause::unknown_type && asdu.cause <= Cause::unknown_address);
}

// Several of these to one address may be under way: their qualifier tells them apart.
bool has_own_qualifier(Type type) { return type == Type::c_ic_na_1 || type == Type::c_ci_na_1; }

bool is_same_target(const Asdu& a, const Asdu& b) {
    const bool same_station = a.common_address == b.common_address || b.common_address == kBroadcast;
    const Object &x = a.objects[0], &y = b.objects[0];
    return a.type == b.type && same_station && x.address == y.address &&
           (!has_own_qualifier(a.type) || x.qualifier == y.qualifier);
}

bool is_same_value(const Object& a, const Object& b) {
    return a.number == b.number && std::bit_cast<std::uint32_t>(a.real) == std::bit_cast<std::uint32_t>(b.real);
}

std::string place_of(const Asdu& asdu) {
    return fmt::format("{} at {}/{}", to_string(asdu.type), asdu.common_address, asdu.objects[0].address);
}

Asdu one_object(Type type, std::uint16_t common_address, const Object& object, Cause cause = Cause::activation) {
    Asdu asdu;
    asdu.type = type;
    asdu.cause = cause;
    asdu.common_address = common_address;
    asdu.objects = {object};
    return asdu;
}

Error not_answered(Function function, DurationNs t1) {
    return Error{Code::timeout, "the outstation did not answer {} within {} ms", to_string(function), milliseconds(t1)};
}

}  // namespace

Result<void> Client::check(const ClientOptions& options) {
    if (options.k < 1 || options.k >= kSequenceCount || options.w < 1 || options.w >= kSequenceCount)
        return Error{Code::invalid, "k is {} and w is {}: expected 1 to 32767", options.k, options.w};
    if (options.t1 <= 0 || options.t2 <= 0 || options.t3 <= 0)
        return Error{Code::invalid, "t1, t2 and t3 of IEC 104 must be longer than 0"};
    if (options.t2 >= options.t1)
        return Error{Code::invalid, "t2 is {} ms and t1 {} ms: t2 must be less", milliseconds(options.t2),
                     milliseconds(options.t1)};
    if (options.confirm_timeout <= 0 || options.finish_timeout <= 0 || options.requests_max == 0)
        return Error{Code::invalid, "time-outs and the number of requests of IEC 104 must be more than 0"};
    return {};
}

Client::Client(const ClientOptions& options) : options_(options) { ASSERT(check(options)); }

// ---- the link ----

Turn Client::begin(DurationNs now) {
    ASSERT(state_ == State::down);
    decoder_.reset();
    send_ = receive_ = acknowledged_ = owed_ = 0;
    unacknowledged_.clear();
    waiting_.clear();
    heard_ = now;
    test_sent_.reset();
    control_sent_ = now;
    state_ = State::starting;
    send_control(Function::start_act);
    return take_turn();
}

Turn Client::lose(const Error& reason) {
    if (state_ != State::down) down(reason);
    return take_turn();
}

Turn Client::feed(Bytes received, DurationNs now) {
    if (state_ == State::down) return {};
    auto fed = decoder_.feed(received, [&](const Frame& frame) {
        on_frame(frame, now);
        return state_ != State::down;
    });
    if (!fed && state_ != State::down) down(std::move(fed).error());
    send_waiting(now);
    return take_turn();
}

Turn Client::tick(DurationNs now) {
    if (state_ == State::down) return {};
    expire(now);
    send_waiting(now);
    return take_turn();
}

Turn Client::stop(DurationNs now) {
    if (state_ == State::down) return {};
    fail_requests(Error{Code::unavailable, "data transfer was stopped"});
    waiting_.clear();
    if (state_ != State::up) {
        down(Error{Code::unavailable, "data transfer was stopped"});
        return take_turn();
    }
    send_acknowledgement();
    state_ = State::stopping;
    control_sent_ = now;
    send_control(Function::stop_act);
    return take_turn();
}

void Client::down(Error reason) {
    state_ = State::down;
    fail_requests(reason);
    waiting_.clear();
    unacknowledged_.clear();
    turn_.send.clear();
    turn_.events.emplace_back(Down{std::move(reason)});
}

void Client::fail_requests(const Error& reason) {
    for (const Request& request : std::exchange(requests_, {})) progress(request, Stage::failed, reason);
}

void Client::send_control(Function function) {
    const Buffer frame = encode_frame(Unnumbered{function});
    turn_.send.insert(turn_.send.end(), frame.begin(), frame.end());
}

void Client::send_acknowledgement() {
    if (owed_ == 0) return;
    owed_ = 0;
    const Buffer frame = encode_frame(Supervisory{receive_});
    turn_.send.insert(turn_.send.end(), frame.begin(), frame.end());
}

// As many as may wait for their acknowledgement.
void Client::send_waiting(DurationNs now) {
    while (state_ == State::up && !waiting_.empty() && unacknowledged_.size() < options_.k) {
        const Outgoing next = std::move(waiting_.front());
        waiting_.pop_front();
        const Buffer frame = encode_frame(Information{send_, receive_, next.asdu});
        turn_.send.insert(turn_.send.end(), frame.begin(), frame.end());
        send_ = next_number(send_);
        owed_ = 0;
        unacknowledged_.push_back(now);
        const auto request = std::ranges::find(requests_, next.request, &Request::id);
        if (request == requests_.end()) continue;
        request->phase = request->phase == Phase::waiting && request->selects ? Phase::selecting : Phase::asked;
        request->deadline = now + request->confirm_timeout;
    }
}

// ---- what comes ----

void Client::on_frame(const Frame& frame, DurationNs now) {
    heard_ = now;
    if (const auto* information = std::get_if<Information>(&frame)) return on_information(*information, now);
    if (const auto* control = std::get_if<Unnumbered>(&frame)) return on_control(control->function);
    if (auto done = acknowledge(std::get<Supervisory>(frame).receive); !done) down(std::move(done).error());
}

void Client::on_information(const Information& frame, DurationNs now) {
    if (frame.send != receive_)
        return down(Error{Code::malformed, "I frame {} came where {} was expected: frames were lost or repeated",
                          frame.send, receive_});
    if (auto done = acknowledge(frame.receive); !done) return down(std::move(done).error());
    receive_ = next_number(receive_);
    if (owed_++ == 0) owed_since_ = now;
    auto asdu = decode_asdu(frame.asdu);
    if (asdu) {
        on_message(*asdu, now);
    } else {
        ++(asdu.error().code() == Code::unsupported ? counts_.unknown_types : counts_.malformed);
        last_fault_ = std::move(asdu).error();
    }
    if (owed_ >= options_.w) send_acknowledgement();
}

void Client::on_control(Function function) {
    if (function == Function::test_act) return send_control(Function::test_con);
    if (function == Function::test_con && test_sent_) return test_sent_.reset();
    if (function == Function::start_con && state_ == State::starting) {
        state_ = State::up;
        control_sent_.reset();
        turn_.events.emplace_back(Up{});
        return;
    }
    if (function == Function::stop_con && state_ == State::stopping)
        return down(Error{Code::unavailable, "data transfer was stopped"});
    ++counts_.unexpected;
}

Result<void> Client::acknowledge(std::uint16_t number) {
    const auto count = static_cast<std::uint16_t>((number + kSequenceCount - acknowledged_) % kSequenceCount);
    if (count > unacknowledged_.size())
        return Error{Code::malformed, "the outstation says that it expects I frame {} next: expected {} to {}", number,
                     acknowledged_, send_};
    unacknowledged_.erase(unacknowledged_.begin(), unacknowledged_.begin() + count);
    acknowledged_ = number;
    return {};
}

void Client::on_message(const Asdu& asdu, DurationNs now) {
    if (is_point(asdu.type) || asdu.type == Type::m_ei_na_1) return on_told(asdu);
    if (asdu.cause == Cause::deactivation_con) return;  // of what nobody waits for
    const auto index = find(asdu);
    if (!index) {
        ++counts_.unexpected;
        return;
    }
    on_answer(*index, asdu, now);
}

void Client::on_told(const Asdu& asdu) {
    turn_.events.emplace_back(Told{asdu});
    if (asdu.cause != Cause::requested) return;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
        const Asdu& asked = requests_[i].asdu;
        const bool is_it = asked.type == Type::c_rd_na_1 && asked.common_address == asdu.common_address &&
                           asked.objects[0].address == asdu.objects[0].address;
        if (is_it && requests_[i].phase == Phase::asked) return finish(i, Stage::ended);
    }
}

// A command ends after it was confirmed, with its own value: else it is the end of an older one.
bool Client::ends(const Request& request, const Asdu& asdu) {
    if (!is_command(request.asdu.type)) return request.phase != Phase::selecting;
    return request.phase == Phase::finishing && is_same_value(asdu.objects[0], request.asdu.objects[0]);
}

void Client::on_answer(std::size_t index, const Asdu& asdu, DurationNs now) {
    const Request& request = requests_[index];
    if (!is_sent(request)) {
        ++counts_.unexpected;
    } else if (is_refusal(asdu)) {
        finish(index, Stage::failed, refusal(asdu));
    } else if (asdu.cause == Cause::activation_con) {
        on_confirmation(index, asdu, now);
    } else if (asdu.cause == Cause::activation_term && ends(request, asdu)) {
        finish(index, Stage::ended);
    } else {
        ++counts_.unexpected;
    }
}

void Client::on_confirmation(std::size_t index, const Asdu& asdu, DurationNs now) {
    Request& request = requests_[index];
    const bool is_ours =
        request.phase != Phase::finishing && asdu.objects[0].select == (request.phase == Phase::selecting);
    if (!is_ours) {  // late, or of somebody else
        ++counts_.unexpected;
        return;
    }
    if (asdu.type != Type::c_cs_na_1 && !is_same_value(asdu.objects[0], request.asdu.objects[0])) {
        Error other{Code::malformed, "the outstation confirms {} with another value than it was given", place_of(asdu)};
        if (request.phase == Phase::selecting) deactivate(request);
        return finish(index, Stage::failed, std::move(other));
    }
    if (request.phase == Phase::selecting) {
        progress(request, Stage::selected);
        request.phase = Phase::selected;
        request.asdu.objects[0].select = false;
        waiting_.push_front({request.id, encode_asdu(request.asdu).value()});
        return;
    }
    progress(request, Stage::confirmed);
    if (!request.awaits_end) return finish(index, Stage::ended);
    request.phase = Phase::finishing;
    request.deadline = now + request.finish_timeout;
}

// ---- time ----

std::optional<DurationNs> Client::due() const {
    if (state_ == State::down) return std::nullopt;
    if (state_ == State::up && !waiting_.empty() && unacknowledged_.size() < options_.k) return heard_;
    DurationNs first = test_sent_ ? *test_sent_ + options_.t1 : heard_ + options_.t3;
    if (control_sent_) first = std::min(first, *control_sent_ + options_.t1);
    if (!unacknowledged_.empty()) first = std::min(first, unacknowledged_.front() + options_.t1);
    if (owed_ > 0) first = std::min(first, owed_since_ + options_.t2);
    for (const Request& request : requests_)
        if (is_sent(request)) first = std::min(first, request.deadline);
    return first;
}

void Client::expire(DurationNs now) {
    if (control_sent_ && now - *control_sent_ >= options_.t1)
        return down(not_answered(state_ == State::starting ? Function::start_act : Function::stop_act, options_.t1));
    if (test_sent_ && now - *test_sent_ >= options_.t1) return down(not_answered(Function::test_act, options_.t1));
    if (!unacknowledged_.empty() && now - unacknowledged_.front() >= options_.t1)
        return down(Error{Code::timeout, "the outstation did not acknowledge I frame {} within {} ms", acknowledged_,
                          milliseconds(options_.t1)});
    if (owed_ > 0 && now - owed_since_ >= options_.t2) send_acknowledgement();
    if (!test_sent_ && now - heard_ >= options_.t3) {
        test_sent_ = now;
        send_control(Function::test_act);
    }
    for (std::size_t i = requests_.size(); i-- > 0;)
        if (is_sent(requests_[i]) && now >= requests_[i].deadline) expire_request(i);
}

void Client::expire_request(std::size_t index) {
    const Request& request = requests_[index];
    const std::string place = place_of(request.asdu);
    if (request.phase == Phase::selecting) {
        deactivate(request);
        return finish(index, Stage::failed,
                      Error{Code::timeout,
                            "the outstation did not confirm the selection of {} within {} ms: it was not carried out",
                            place, milliseconds(request.confirm_timeout)});
    }
    if (request.phase == Phase::finishing)
        return finish(index, Stage::failed,
                      Error{Code::timeout, "the outstation confirmed {}, but told no end of it within {} ms", place,
                            milliseconds(request.finish_timeout)});
    if (is_command(request.asdu.type))
        return finish(
            index, Stage::failed,
            Error{Code::timeout, "the outstation did not confirm {} within {} ms: it may have been carried out", place,
                  milliseconds(request.confirm_timeout)});
    finish(index, Stage::failed,
           Error{Code::timeout, "the outstation did not answer {} within {} ms", place,
                 milliseconds(request.confirm_timeout)});
}

// ---- requests ----

std::optional<std::size_t> Client::find(const Asdu& asdu) const {
    for (std::size_t i = 0; i < requests_.size(); ++i)
        if (is_same_target(asdu, requests_[i].asdu)) return i;
    return std::nullopt;
}

Result<RequestId> Client::ask(Request request) {
    if (state_ != State::up)
        return Error{Code::unavailable, "data transfer with the outstation has not started: nothing was sent"};
    if (requests_.size() >= options_.requests_max)
        return Error{Code::limit, "{} requests to the outstation wait already", requests_.size()};
    if (request.asdu.common_address == 0 ||
        (request.asdu.common_address == kBroadcast && request.asdu.type != Type::c_cs_na_1))
        return Error{Code::invalid, "common address {}: expected 1 to 65534", request.asdu.common_address};
    if (find(request.asdu))
        return Error{Code::conflict, "{} is under way already: wait for its end", place_of(request.asdu)};
    if (request.confirm_timeout <= 0) request.confirm_timeout = options_.confirm_timeout;
    if (request.finish_timeout <= 0) request.finish_timeout = options_.finish_timeout;
    request.asdu.originator = options_.originator;
    Buffer bytes = TRY(encode_asdu(request.asdu));
    if (++last_id_ == 0) ++last_id_;
    request.id = last_id_;
    waiting_.push_back({request.id, std::move(bytes)});
    requests_.push_back(std::move(request));
    return last_id_;
}

Result<RequestId> Client::interrogate(std::uint16_t common_address, std::uint8_t group) {
    if (group < 20 || group > 36)
        return Error{Code::invalid, "qualifier {} of an interrogation: expected 20 (station) or 21 to 36 (groups)",
                     group};
    Request request;
    Object object;
    object.qualifier = group;
    request.asdu = one_object(Type::c_ic_na_1, common_address, object);
    request.awaits_end = true;
    return ask(std::move(request));
}

Result<RequestId> Client::interrogate_counters(std::uint16_t common_address, std::uint8_t qualifier) {
    const int group = qualifier & 0x3f;
    if (group < 1 || group > 5)
        return Error{Code::invalid, "group {} of a counter interrogation: expected 1 to 4, or 5 for all", group};
    Request request;
    Object object;
    object.qualifier = qualifier;
    request.asdu = one_object(Type::c_ci_na_1, common_address, object);
    request.awaits_end = true;
    return ask(std::move(request));
}

Result<RequestId> Client::read(std::uint16_t common_address, std::uint32_t address) {
    Request request;
    Object object;
    object.address = address;
    request.asdu = one_object(Type::c_rd_na_1, common_address, object, Cause::requested);
    return ask(std::move(request));
}

Result<RequestId> Client::set_clock(std::uint16_t common_address, const Time& time) {
    Request request;
    Object object;
    object.time = time;
    request.asdu = one_object(Type::c_cs_na_1, common_address, object);
    return ask(std::move(request));
}

Result<RequestId> Client::test(std::uint16_t common_address, std::uint16_t counter, const Time& time) {
    Request request;
    Object object;
    object.number = counter;
    object.time = time;
    request.asdu = one_object(Type::c_ts_ta_1, common_address, object);
    return ask(std::move(request));
}

Result<RequestId> Client::command(const Command& command) {
    if (!is_command(command.type) || has_time(command.type) != command.object.time.has_value())
        return Error{Code::invalid, "{} is no command, or its time is missing or too much", to_string(command.type)};
    const bool is_bits = command.type == Type::c_bo_na_1 || command.type == Type::c_bo_ta_1;
    if (is_bits && command.select_first)
        return Error{Code::invalid, "{} cannot be selected: send it directly", to_string(command.type)};
    Request request;
    request.asdu = one_object(command.type, command.common_address, command.object);
    request.asdu.objects[0].select = command.select_first;
    request.selects = command.select_first;
    request.awaits_end = command.awaits_end;
    request.confirm_timeout = command.confirm_timeout;
    request.finish_timeout = command.finish_timeout;
    return ask(std::move(request));
}

void Client::cancel(RequestId id) {
    const auto request = std::ranges::find(requests_, id, &Request::id);
    if (request == requests_.end()) return;
    std::erase_if(waiting_, [&](const Outgoing& outgoing) { return outgoing.request == id; });
    if (request->phase != Phase::waiting && request->asdu.type != Type::c_rd_na_1) deactivate(*request);
    requests_.erase(request);
}

// Takes a request back; nobody waits for the answer.
void Client::deactivate(const Request& request) {
    Asdu asdu = request.asdu;
    asdu.cause = Cause::deactivation;
    asdu.objects[0].select = request.phase == Phase::selecting || request.phase == Phase::selected;
    waiting_.push_back({0, encode_asdu(asdu).value()});
}

void Client::progress(const Request& request, Stage stage, std::optional<Error> error) {
    turn_.events.emplace_back(Progress{request.id, stage, std::move(error)});
}

void Client::finish(std::size_t index, Stage stage, std::optional<Error> error) {
    progress(requests_[index], stage, std::move(error));
    requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace gongshu::wire::iec104
