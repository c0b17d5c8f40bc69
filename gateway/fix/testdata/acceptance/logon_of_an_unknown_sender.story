scenario: 1c_InvalidSenderCompID
# Nobody is known by this name.
deviates: a refused logon is answered with a Logout that says why before the connection is closed
connect
send    bare 35=A|34=1|49=NOBODY|52=<now>|56=<venue>|98=0|108=30|554=<password>
expect  to=NOBODY 35=5|34=1|58=*
disconnected
