"""The limits as routes ask for them: who sent a request, what they ask for, and the answer when it is too often."""

from __future__ import annotations

from intake.answers import Answer, limited
from intake.limits.limiter import Limiter
from intake.limits.quotas import Quota, Quotas
from intake.limits.rule import Allowance
from intake.network import client_address


class Limits:
    """Every limit of a server."""

    def __init__(self, limiter: Limiter | None, quotas: Quotas, trusted_hops: int) -> None:
        """Takes what counts, None when nobody is limited; and how many proxies are believed."""
        self.limiter, self.of, self._trusted_hops = limiter, quotas, trusted_hops

    def ask(self, quota: Quota, sender: tuple[str, str], voter_id: str = "") -> Allowance:
        """Spends one request of a quota; see `Limiter.ask`.

        Args:
            quota: One of `of`.
            sender: The connection's address and `X-Forwarded-For`.
            voter_id: Whose vote it is, empty when there is none.
        """
        if self.limiter is None:
            rate = quota.voter or quota.address
            return Allowance(rate.count, rate.count, 0)
        return self.limiter.ask(quota, client_address(*sender, self._trusted_hops), voter_id)

    def refusal(self, quota: Quota, sender: tuple[str, str], voter_id: str = "") -> Answer | None:
        """Spends one request of a quota: the answer when it is too often, None when it may go on."""
        if self.limiter is None:
            return None
        allowance = self.ask(quota, sender, voter_id)
        return None if allowance.allowed else limited(allowance)

    def close(self) -> None:
        """Writes what was spent."""
        if self.limiter is not None:
            self.limiter.close()
