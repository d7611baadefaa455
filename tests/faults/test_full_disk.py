"""No room on the disk: what needs it is refused in words, and nothing else suffers."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from server.synthetic.participant import Declined, Participant
from server.synthetic.serving import running_server


@pytest.mark.media
async def test_a_class_that_cannot_be_kept_is_refused_and_works_again_when_there_is_room(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, Participant(server.url, "Teacher") as teacher:
        await teacher.become_instructor(server.enter_link)
        before = await teacher.request("POST", "/api/classes", {"title": "Before"})
        _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, most))  # no file may grow, as on a full disk
        async with teacher.http.post(server.url + "/api/classes", json={"title": "Full"}) as response:
            assert response.status == 503
            assert (await response.json())["error"]["code"] == "catalogue.unavailable"
        with pytest.raises(Declined, match=r"log\.unavailable"):
            await teacher.request("POST", f"/api/classes/{before['id']}/end")
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (most, most))
        after = await teacher.request("POST", "/api/classes", {"title": "After"})
        listed = await teacher.request("GET", "/api/classes")
        assert {one["id"] for one in listed["classes"]} == {before["id"], after["id"]}
