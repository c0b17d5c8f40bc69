scenario: 1c_InvalidTargetCompID
# The logon is meant for somebody else.
deviates: a refused logon is answered with a Logout that says why before the connection is closed
connect
send    bare 35=A|34=1|49=<us>|52=<now>|56=ELSEWHERE|98=0|108=30|554=<password>
expect  35=5|34=1|58=*
disconnected
