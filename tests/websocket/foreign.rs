//! A client that others wrote: Python's `websockets`.

use std::process::Command;

use greenserve::websocket::Config;

use crate::scene::{In, Scene, echo_by_sender, in_both};

const PROGRAM: &str = r#"
import asyncio, sys
try:
    import websockets
except ImportError as err:
    print("skipped:", err)
    sys.exit()

async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["other", "chat"]) as client:
        assert client.subprotocol == "chat", client.subprotocol
        for message in ["hello", "", "ü" * 50000, b"", bytes(range(256)) * 4000]:
            await client.send(message)
            assert await client.recv() == message
        await client.send(["in ", "several ", "frames"])
        assert await client.recv() == "in several frames"
        await asyncio.wait_for(await client.ping(), 10)
    assert client.close_code == 1000, client.close_code
    async with websockets.connect(sys.argv[1]) as client:
        await client.send("x" * 1500000)
        try:
            await client.recv()
            assert False
        except websockets.ConnectionClosed as err:
            assert err.rcvd.code == 1009, err
    print("done")

asyncio.run(main())
"#;

fn talk(scene: &Scene) {
    let run = Command::new("python3")
        .args(["-c", PROGRAM, &format!("ws://{}/", scene.address)])
        .env("no_proxy", "*")
        .output();
    let run = match run {
        Ok(run) => run,
        Err(err) => return println!("skipped: python3 cannot be run: {err}"),
    };
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    match said.trim() {
        "done" => assert!(scene.ended().by_client),
        skipped => println!("{skipped}"),
    }
}

#[test]
fn python_has_a_conversation() {
    in_both(|model| talk(&Scene::echo(model, Config::new().protocols(["chat"]))));
    talk(&Scene::new(
        In::Coroutines,
        Config::new().protocols(["chat"]).queued_bytes(2 << 20),
        echo_by_sender,
    ));
}
