"""What a streamed token costs the host, told beside what httpx alone costs (budget: 60 µs of CPU)."""

import pytest

from tests.perf.tokens import STREAMS, TOKENS, costs


@pytest.mark.perf
@pytest.mark.parametrize("rate", [0, 200])
async def test_cpu_per_streamed_token(rate: int, capsys: pytest.CaptureFixture[str]) -> None:
    ours, bare = await costs(rate)
    pace = f"{rate} tokens/s each" if rate else "as fast as they come"
    with capsys.disabled():
        print(f"\n{STREAMS} streams of {TOKENS} tokens, {pace}: {ours:.1f} µs of CPU per token, socket to viewers;")
        print(f"bare httpx {bare:.1f} µs; ratio {ours / bare:.2f}")
    assert ours < 6 * bare  # 1 to 2 is usual: recording and telling viewers costs no more than receiving
