scenario: 6_SendTestRequest
# Who is silent for longer than the interval is asked for a sign of life, and goes if none comes.
deviates: the venue's own heartbeats go on while it waits for an answer, and a Logout says why it closes
timed: heartbeats and test requests have their order by when they are due
connect
send    35=A|34=1|98=0|108=<beat>|554=<password>
expect  35=A|34=1|98=0|108=<beat>
expect  35=0|34=2
send    35=0|34=2
expect  35=0|34=3
expect  35=1|34=4|112=*
send    35=0|34=3|112=<last 112>
expect  35=0|34=5
send    35=0|34=4
expect  35=0|34=6
expect  35=1|34=7|112=*
expect  35=0|34=8
expect  35=5|34=9|58=*
disconnected
