// A stock QuickFIX initiator that is told by lines on its standard input what to do and tells on its standard output what
// happens. It has no opinion of its own: the test that drives it has. See ../quickfix_test.go.
//
// One line in is one of
//
//   logon NAME             connect the session, and again whenever the connection is lost
//   logout NAME            log off and stay away
//   send NAME 35=D|11=x|…  send a message; groups are understood by the dictionary
//   next-in NAME N         expect number N of the venue next, as after the loss of a store
//   next-out NAME N        send number N next
//   reset-on-logon NAME Y  or N: ask for a reset of both numbers at the next logon (141)
//   quit
//
// where NAME is the session's SenderCompID. One line out is a word, the session's name and the rest; SOH is shown as |.
//
//   in, out    a message on the wire, before anything is checked
//   admin, app a message from the venue that has passed every check of the engine
//   event      what the engine writes into its log
//   on, off    the session is logged on, or no more
//   bad        a line that is not understood, or a message that could not be sent

#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

#include <quickfix/Application.h>
#include <quickfix/DataDictionary.h>
#include <quickfix/FileStore.h>
#include <quickfix/Log.h>
#include <quickfix/Message.h>
#include <quickfix/Session.h>
#include <quickfix/SessionSettings.h>
#include <quickfix/SocketInitiator.h>

namespace {

const char SOH = '\x01';

std::mutex outputMutex;

void tell(const std::string& word, const std::string& name, std::string text) {
  for (char& c : text) {
    if (c == SOH) c = '|';
    if (c == '\n' || c == '\r') c = ' ';
  }
  std::lock_guard<std::mutex> lock(outputMutex);
  std::cout << word << ' ' << name << ' ' << text << '\n' << std::flush;
}

// LineLog tells what the engine logs.
class LineLog : public FIX::Log {
public:
  explicit LineLog(const std::string& name) : name(name) {}
  void clear() {}
  void backup() {}
  void onIncoming(const std::string& text) { tell("in", name, text); }
  void onOutgoing(const std::string& text) { tell("out", name, text); }
  void onEvent(const std::string& text) { tell("event", name, text); }

private:
  std::string name;
};

class LineLogFactory : public FIX::LogFactory {
public:
  FIX::Log* create() { return new LineLog("-"); }
  FIX::Log* create(const FIX::SessionID& id) { return new LineLog(id.getSenderCompID().getValue()); }
  void destroy(FIX::Log* log) { delete log; }
};

class Client : public FIX::Application {
public:
  explicit Client(const FIX::SessionSettings& settings) : settings(settings) {}

  void onCreate(const FIX::SessionID&) {}
  void onLogon(const FIX::SessionID& id) { tell("on", name(id), ""); }
  void onLogout(const FIX::SessionID& id) { tell("off", name(id), ""); }
  void toAdmin(FIX::Message& message, const FIX::SessionID& id) {
    FIX::MsgType type;
    message.getHeader().getField(type);
    const FIX::Dictionary& own = settings.get(id);
    if (type.getValue() == "A" && own.has("Password")) {
      message.setField(553, id.getSenderCompID().getValue());
      message.setField(554, own.getString("Password"));
    }
  }
  void toApp(FIX::Message&, const FIX::SessionID&) throw(FIX::DoNotSend) {}
  void fromAdmin(const FIX::Message& message, const FIX::SessionID& id)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) {
    tell("admin", name(id), message.toString());
  }
  void fromApp(const FIX::Message& message, const FIX::SessionID& id)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) {
    tell("app", name(id), message.toString());
  }

private:
  static std::string name(const FIX::SessionID& id) { return id.getSenderCompID().getValue(); }

  FIX::SessionSettings settings;
};

// parse makes a message of the fields in text.
FIX::Message parse(std::string text, const FIX::DataDictionary& dictionary) {
  for (char& c : text)
    if (c == '|') c = SOH;
  if (text.empty() || text[text.size() - 1] != SOH) text += SOH;
  return FIX::Message(std::string("8=FIX.4.4") + SOH + "9=0" + SOH + text + "10=000" + SOH, dictionary, false);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: engine SETTINGS DICTIONARY\n";
    return 2;
  }
  try {
    FIX::SessionSettings settings(argv[1]);
    FIX::DataDictionary dictionary(argv[2]);
    Client client(settings);
    FIX::FileStoreFactory stores(settings);
    LineLogFactory logs;
    FIX::SocketInitiator initiator(client, stores, settings, logs);

    std::map<std::string, FIX::SessionID> sessions;
    for (const FIX::SessionID& id : settings.getSessions()) {
      sessions[id.getSenderCompID().getValue()] = id;
      FIX::Session::lookupSession(id)->logout(); // until it is told to log on
    }
    initiator.start();
    tell("ready", "-", "");

    std::string line;
    while (std::getline(std::cin, line)) {
      std::istringstream words(line);
      std::string verb, name, rest;
      words >> verb >> name;
      std::getline(words >> std::ws, rest);
      if (verb == "quit") break;
      if (sessions.find(name) == sessions.end()) {
        tell("bad", name, line);
        continue;
      }
      try {
        FIX::Session* session = FIX::Session::lookupSession(sessions[name]);
        if (verb == "logon") {
          session->logon();
        } else if (verb == "logout") {
          session->logout();
        } else if (verb == "send") {
          FIX::Message message = parse(rest, dictionary);
          if (!FIX::Session::sendToTarget(message, sessions[name])) tell("bad", name, "not sent now: " + rest);
        } else if (verb == "next-in") {
          session->setNextTargetMsgSeqNum(std::stoi(rest));
        } else if (verb == "next-out") {
          session->setNextSenderMsgSeqNum(std::stoi(rest));
        } else if (verb == "reset-on-logon") {
          session->setResetOnLogon(rest == "Y");
        } else {
          tell("bad", name, line);
        }
      } catch (std::exception& e) {
        tell("bad", name, line + ": " + e.what());
      }
    }
    initiator.stop(true);
  } catch (std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
  return 0;
}
