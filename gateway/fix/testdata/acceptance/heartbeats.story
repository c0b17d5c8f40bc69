scenario: 4a_NoDataSentDuringHeartBtInt
timed: an answer has to come before a heartbeat is missed
# The venue is heard at least once an interval, as long as the client is heard, too.
connect
send    35=A|34=1|98=0|108=<beat>|554=<password>
expect  35=A|34=1|98=0|108=<beat>
expect  35=0|34=2
send    35=0|34=2
expect  35=0|34=3
send    35=0|34=3

send    35=5|34=4
expect  35=5|34=4
disconnected
