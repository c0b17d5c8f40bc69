scenario: 1e_NotLogonMessage
# Whoever does not log on is not listened to.
connect
send    bare 35=0|34=1|49=<us>|52=<now>|56=ELSEWHERE
disconnected
