"""What money is worth at another time: present values, rents, yields, classification, net investment. Pure.

Rates are shares (0.05 is five per cent) and Decimals of 40 digits; amounts that are posted are rounded by
`haas.money`. pyxirr finds a first root of a rate, which is then polished in Decimal so that it is the same
on every machine. The rest is our own: amounts must be exact, and a day count one of `leases.daycount`.
"""
