scenario: 21_RepeatingGroupSpecifierWithValueOfZero
# A group's counter may say that there are no entries.
deviates: the venue takes no Security Definition (d), which the scenario uses; an order with an empty group is taken
connect
send    35=A|34=1|98=0|108=30|554=<password>
expect  35=A|34=1|98=0|108=30

send    35=d|34=2|320=r1|322=s1|323=6|55=TBS|22=8|167=CS|336=ONE_MAIN|58=nothing found|454=0
expect  35=j|34=2|45=2|372=d|380=3|58=Unsupported Message Type
send    35=D|34=3|454=0|11=a|21=1|55=BTC/USD|54=1|38=0.1|40=2|44=100|60=<now>
expect  35=8|34=3|11=a|150=0|39=0|...

send    35=5|34=4
expect  35=5|34=4
disconnected
