//! A client that others wrote: Python's `websockets`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use greenserve::websocket::Config;

use crate::common::tool::python_has;
use crate::scene::{In, Scene, echo_by_sender, in_both};

const PROGRAM: &str = r#"
import asyncio, sys, websockets

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
    let run = python(PROGRAM, scene).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(said, "done\n");
    assert!(scene.ended().by_client);
}

fn python(program: &str, scene: &Scene) -> Command {
    let mut python = Command::new("python3");
    python
        .args(["-c", program, &format!("ws://{}/", scene.address)])
        .env("no_proxy", "*");
    python
}

#[test]
fn python_has_a_conversation() {
    if !python_has("websockets") {
        return;
    }
    in_both(|model| talk(&Scene::echo(model, Config::new().protocols(["chat"]))));
    talk(&Scene::new(
        In::Coroutines,
        Config::new().protocols(["chat"]).queued_bytes(2 << 20),
        echo_by_sender,
    ));
}

const UNTIL_THE_END: &str = r#"
import asyncio, sys, websockets

async def main():
    async with websockets.connect(sys.argv[1]) as client:
        await client.send("hello")
        print(await client.recv(), flush=True)
        try:
            await asyncio.wait_for(client.recv(), 30)
        except websockets.ConnectionClosed as err:
            print(err.rcvd.code, err.rcvd.reason, err.rcvd_then_sent)

asyncio.run(main())
"#;

#[test]
fn python_is_told_that_the_server_ends() {
    if !python_has("websockets") {
        return;
    }
    in_both(|model| {
        let scene = Scene::echo(model, Config::new());
        let mut child = python(UNTIL_THE_END, &scene).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert_eq!(line, "hello\n");
        assert!(scene.stop().is_clean());
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "1001 the server ends True\n");
        assert!(child.wait().unwrap().success());
    });
}
