from stacks.account import account

account()
