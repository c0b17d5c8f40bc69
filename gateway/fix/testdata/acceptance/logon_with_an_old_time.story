scenario: 1d_InvalidLogonBadSendingTime
# A logon of many years ago is no logon of today.
deviates: a refused logon is answered with a Logout that says why before the connection is closed
connect
send    bare 35=A|34=1|49=<us>|52=20010101-00:00:00|56=<venue>|98=0|108=30|554=<password>
expect  35=5|34=1|58=*
disconnected
