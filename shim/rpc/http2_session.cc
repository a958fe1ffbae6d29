#include "shim/rpc/http2_session.h"

#include <errno.h>
#include <fcntl.h>
#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/failpoint.h"
#include "shim/rpc/http2_callbacks.h"

namespace holdfast::rpc {
namespace {

constexpr size_t kReadBytes = size_t{16} * 1024;
constexpr size_t kWriteBytes = size_t{32} * 1024;
constexpr uint32_t kMaxHeaderListBytes = 16 * 1024;
// Large messages come in few rounds; what comes is not kept, so this is not
// memory.
constexpr int32_t kWindowBytes = 256 * 1024;

absl::Status Nghttp2Status(int error, absl::string_view call) {
  return absl::UnavailableError(
      absl::StrCat(call, ": ", nghttp2_strerror(error)));
}

nghttp2_option* MakeOptions() {
  nghttp2_option* options = nullptr;
  if (nghttp2_option_new(&options) != 0) return nullptr;
  nghttp2_option_set_max_deflate_dynamic_table_size(options, 0);
  nghttp2_option_set_no_closed_streams(options, 1);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_max_reserved_remote_streams(options, 0);
  return options;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Http2Session>> Http2Session::Start(
    EventLoop& loop, UniqueFd connected, Side side, uint32_t max_streams,
    Owner& owner) {
  std::shared_ptr<Http2Session> session(
      new Http2Session(loop, std::move(connected), side, owner));
  HOLDFAST_RETURN_IF_ERROR(session->Init(max_streams));
  return session;
}

Http2Session::Http2Session(EventLoop& loop, UniqueFd fd, Side side,
                           Owner& owner)
    : loop_(loop), fd_(std::move(fd)), side_(side), owner_(owner) {}

Http2Session::~Http2Session() { Close(); }

absl::Status Http2Session::Init(uint32_t max_streams) {
  const int flags = fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || fcntl(fd_.get(), F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoStatus(errno, "fcntl", "rpc connection");
  }
  nghttp2_session_callbacks* const callbacks = Callbacks::Make();
  nghttp2_option* const options = MakeOptions();
  int error = NGHTTP2_ERR_NOMEM;
  if (callbacks != nullptr && options != nullptr) {
    const auto make = side_ == Side::kServer ? nghttp2_session_server_new2
                                             : nghttp2_session_client_new2;
    error = make(&session_, callbacks, this, options);
  }
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(callbacks);
  if (error != 0) return Nghttp2Status(error, "nghttp2_session_new");
  HOLDFAST_RETURN_IF_ERROR(SubmitSettings(max_streams));
  HOLDFAST_RETURN_IF_ERROR(loop_.Watch(
      fd_.get(), EPOLLIN, [this](uint32_t events) { OnSocket(events); }));
  watched_for_ = EPOLLIN;
  Schedule();
  return absl::OkStatus();
}

absl::Status Http2Session::SubmitSettings(uint32_t max_streams) {
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindowBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderListBytes}};
  if (side_ == Side::kServer) {
    settings.push_back({NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0});
    settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams});
  } else {
    // No table of 0 here: grpc++ 1.51 as a server then forgets the update that
    // must begin its first header block, if that is a cancelled call's.
    settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  }
  int error = nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE,
                                      settings.data(), settings.size());
  if (error == 0) {
    error = nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE,
                                                  0, kWindowBytes);
  }
  if (error != 0) return Nghttp2Status(error, "nghttp2_submit_settings");
  return absl::OkStatus();
}

void Http2Session::Close() {
  if (closed()) return;
  nghttp2_session_del(std::exchange(session_, nullptr));
  loop_.Unwatch(fd_.get());
  fd_.Reset();
  streams_.clear();
  events_.clear();
  std::string().swap(outgoing_);
}

Http2Session::Stream* Http2Session::Find(int32_t stream) {
  const auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : &found->second;
}

absl::StatusOr<int32_t> Http2Session::Request(const HeaderList& headers) {
  if (closed() || !lost_.ok()) {
    return absl::UnavailableError("the connection is lost");
  }
  if (got_goaway_) return absl::UnavailableError("the server is going away");
  const std::vector<nghttp2_nv> list = ToNghttp2(headers);
  nghttp2_data_provider body = {.source = {.ptr = nullptr},
                                .read_callback = &Callbacks::ReadUnsent};
  const int32_t stream = nghttp2_submit_request(session_, nullptr, list.data(),
                                                list.size(), &body, nullptr);
  if (stream < 0) return Nghttp2Status(stream, "nghttp2_submit_request");
  streams_.try_emplace(stream);
  Schedule();
  return stream;
}

void Http2Session::Respond(int32_t stream, const HeaderList& headers,
                           bool last) {
  if (Find(stream) == nullptr) return;
  const std::vector<nghttp2_nv> list = ToNghttp2(headers);
  nghttp2_data_provider body = {.source = {.ptr = nullptr},
                                .read_callback = &Callbacks::ReadUnsent};
  const int error = nghttp2_submit_response(
      session_, stream, list.data(), list.size(), last ? nullptr : &body);
  if (error != 0) Lose(Nghttp2Status(error, "nghttp2_submit_response"));
  Schedule();
}

void Http2Session::Send(int32_t stream, absl::string_view bytes) {
  Stream* const found = Find(stream);
  if (found == nullptr || found->ended) return;
  found->unsent.append(bytes.data(), bytes.size());
  // An error says that nghttp2 is not waiting and will ask by itself.
  (void)nghttp2_session_resume_data(session_, stream);
  Schedule();
}

void Http2Session::End(int32_t stream, HeaderList trailers) {
  Stream* const found = Find(stream);
  if (found == nullptr || found->ended) return;
  found->ended = true;
  found->trailers = std::move(trailers);
  (void)nghttp2_session_resume_data(session_, stream);  // as in Send()
  Schedule();
}

void Http2Session::Reset(int32_t stream, Http2Error error) {
  Stream* const found = Find(stream);
  if (found == nullptr) return;
  // Now, not when the frame has gone: the socket may take none for long.
  std::string().swap(found->unsent);
  found->unsent_from = 0;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream,
                            static_cast<uint32_t>(error));
  Schedule();
}

void Http2Session::GoAway() {
  if (closed()) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
  // Up to that frame at once: a stream that is read before nghttp2 has sent it
  // would be served, and the client told that it was not.
  while (!sent_goaway_ && TakeFrame()) {
  }
  Schedule();
}

size_t Http2Session::queued_bytes(int32_t stream) const {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return 0;
  return found->second.unsent.size() - found->second.unsent_from;
}

size_t Http2Session::unsent_bytes(int32_t stream) const {
  return queued_bytes(stream) + outgoing_.size() - outgoing_from_;
}

// Everything we are asked to do is done from the loop: at the end of the pump
// that is running, or of one that is posted.
void Http2Session::Schedule() {
  if (scheduled_ || pumping_) return;
  scheduled_ = true;
  loop_.Post([weak = weak_from_this()] {
    if (const std::shared_ptr<Http2Session> self = weak.lock()) {
      self->scheduled_ = false;
      self->Pump();
    }
  });
}

// What others have to send because of what came goes out before our answer:
// an update is shown before its executor hears that it is kept.
void Http2Session::OnSocket(uint32_t events) {
  const std::shared_ptr<Http2Session> self = shared_from_this();
  if ((events & EPOLLOUT) != 0) blocked_ = false;  // Flush() reads if it must
  if ((events & ~uint32_t{EPOLLOUT}) != 0) Read();
  pumping_ = true;
  Dispatch();
  pumping_ = false;
  Schedule();
}

// Writes and tells until there is nothing left of either. What we are told of
// can make something to send, and what is sent can be something to tell.
void Http2Session::Pump() {
  const std::shared_ptr<Http2Session> self = shared_from_this();
  pumping_ = true;
  Flush();
  while (!events_.empty()) {
    Dispatch();
    Flush();
  }
  pumping_ = false;
  if (closed()) return;
  if (lost_.ok() && Finished()) {
    Lose(absl::UnavailableError(broken_ ? "the peer broke the HTTP/2 protocol"
                                        : "the connection was ended"));
  }
  if (lost_.ok()) return UpdateWatch();
  const absl::Status why = lost_;
  Close();
  owner_.OnLost(why);
}

bool Http2Session::Finished() const {
  if (broken_) return true;  // with what the socket took
  return nghttp2_session_want_read(session_) == 0 &&
         nghttp2_session_want_write(session_) == 0 && outgoing_.empty();
}

void Http2Session::Lose(absl::Status why) {
  if (lost_.ok()) lost_ = std::move(why);
}

void Http2Session::Read() {
  char buffer[kReadBytes];
  const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got == 0) return Lose(absl::UnavailableError("closed by the peer"));
  if (got < 0) {
    if (errno == EINTR) return;
    if (errno == EAGAIN) return Lose(unsendable_);  // nothing, when it is OK
    return Lose(absl::UnavailableError(
        ErrnoStatus(errno, "recv", "rpc connection").message()));
  }
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const uint8_t*>(buffer),
      static_cast<size_t>(got));
  if (taken < 0) {
    Lose(Nghttp2Status(static_cast<int>(taken), "nghttp2_session_mem_recv"));
  }
}

// Takes the next frame from nghttp2's queue; false: there is none.
bool Http2Session::TakeFrame() {
  const uint8_t* bytes = nullptr;
  const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
  if (size < 0) {
    Lose(Nghttp2Status(static_cast<int>(size), "nghttp2_session_mem_send"));
  }
  if (size <= 0) return false;
  outgoing_.append(reinterpret_cast<const char*>(bytes),
                   static_cast<size_t>(size));
  return true;
}

// Until both nghttp2's queue and our buffer are empty, or the socket is full.
// Frames are gathered, so that a small response is one write.
void Http2Session::Flush() {
  while (!closed() && lost_.ok() && !blocked_) {
    while (outgoing_.size() < kWriteBytes && TakeFrame()) {
    }
    if (outgoing_.empty()) return;
    HOLDFAST_FAILPOINT(MessageSending);
    const ssize_t sent =
        send(fd_.get(), outgoing_.data() + outgoing_from_,
             outgoing_.size() - outgoing_from_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return SendFailed(errno);
    HOLDFAST_FAILPOINT(MessageSent);
    outgoing_from_ += static_cast<size_t>(sent);
    if (outgoing_from_ == outgoing_.size()) {
      std::string().swap(outgoing_);
      outgoing_from_ = 0;
    }
  }
}

// A peer that is gone may have answered first: what it left is read before
// the connection is given up.
void Http2Session::SendFailed(int error_number) {
  blocked_ = true;
  if (error_number == EAGAIN) return;
  if (unsendable_.ok()) {
    unsendable_ = absl::UnavailableError(
        ErrnoStatus(error_number, "send", "rpc connection").message());
  }
  Read();
}

void Http2Session::Dispatch() {
  const std::vector<Event> events = std::exchange(events_, {});
  for (const Event& event : events) {
    if (closed()) return;
    Deliver(event);
  }
}

void Http2Session::Deliver(const Event& event) {
  switch (event.kind) {
    case Event::kPreface:
      return owner_.OnPreface();
    case Event::kHeaders:
      return owner_.OnHeaders(event.stream, event.headers, event.last);
    case Event::kData:
      return owner_.OnData(event.stream, event.data);
    case Event::kEnd:
      return owner_.OnEnd(event.stream);
    case Event::kClosed:
      return owner_.OnStreamClosed(event.stream, event.error_code);
  }
}

void Http2Session::UpdateWatch() {
  const uint32_t wanted =
      (nghttp2_session_want_read(session_) != 0 ? uint32_t{EPOLLIN} : 0) |
      (blocked_ ? uint32_t{EPOLLOUT} : 0);
  if (wanted == watched_for_) return;
  watched_for_ = wanted;
  // Only a descriptor that is not ours could fail here.
  (void)loop_.Rewatch(fd_.get(), wanted);
}

}  // namespace holdfast::rpc
