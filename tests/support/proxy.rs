//! A proxy that lets things go wrong between the program and a server.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// Stands between the program and a server, both on this machine. It ends when it is dropped,
/// and all its connections with it.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What becomes of a request. Where the server gets it, it has answered before the client
/// notices anything. Where it doesn't, [`Proxy::deliver`] can still bring it there later.
#[derive(Debug, Clone)]
pub enum Fault {
    /// As if nothing stood in between.
    None,
    /// The server never sees it; the client's connection is reset.
    RequestCut,
    /// The server never sees it; the client waits until it closes the connection itself.
    RequestLost,
    /// The server never sees it; the client gets this answer.
    Answer(Answer),
    /// The server answers; the client gets that many bytes of it, or all if there are fewer,
    /// before the connection is closed.
    AnswerCut { after: usize },
    /// The server answers; the client waits until it closes the connection itself.
    AnswerLost,
    /// The server answers; the client gets this answer in place of the real one.
    AnswerInstead(Answer),
}

/// An answer that is no server's.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    /// Apart from the length of the body.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// A request, as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its place among all requests, from 0 on.
    pub number: usize,
    /// When it was there as a whole.
    pub at: Instant,
    pub method: String,
    /// With the query.
    pub path: String,
    /// All of it, byte by byte.
    raw: Vec<u8>,
}

impl Proxy {
    /// Asks `decide` for each request, one at a time, in the order of their arrival. It may
    /// block, to hold requests back. If it panics, no request gets through any more.
    pub fn start(upstream: u16, decide: impl FnMut(&Request) -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            upstream,
            decide: Mutex::new(Box::new(decide)),
            requests: Mutex::default(),
            connections: Mutex::new(Some(Vec::new())),
        });
        let ours = Arc::clone(&shared);
        let accepting = Some(thread::spawn(move || accept(&listener, &ours)));
        Self { port, shared, accepting }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every request that has arrived so far; also the one that is being decided upon.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Brings a request to the server, late or once more, and gives the status of the answer,
    /// of which the client learns nothing.
    pub fn deliver(&self, number: usize) -> u16 {
        let request = lock(&self.shared.requests)[number].clone();
        let answer = self.shared.ask(&request).expect("the server answers");
        answer.start[1].parse().expect("a status")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let open = lock(&self.shared.connections).take().unwrap_or_default();
        for connection in open.iter().filter_map(Weak::upgrade) {
            // The other side may have closed it.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // One more connection, so that the thread looks up and sees that it is over.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let (Ok(_), Some(accepting)) = (woken, self.accepting.take()) {
            let _ = accepting.join();
        }
    }
}

impl Answer {
    /// What a service of AWS says.
    pub fn json(body: &serde_json::Value) -> Self {
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        Self { status: 200, headers, body: body.to_string() }
    }

    /// An error as services of AWS tell it. `message` is plain ASCII.
    pub fn error(status: u16, kind: &str, message: &str) -> Self {
        let headers = [("content-type", "application/json"), ("x-amzn-errortype", kind)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let body = format!(r#"{{"__type":"{kind}","message":{message:?}}}"#);
        Self { status, headers, body }
    }

    fn raw(&self) -> Vec<u8> {
        let Self { status, headers, body } = self;
        let mut raw = format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            raw.extend([name, ": ", value, "\r\n"]);
        }
        (raw + "\r\n" + body).into()
    }
}

impl Request {
    /// Where the head ends and the body begins.
    fn body_at(&self) -> usize {
        let end = self.raw.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        end.expect("a head") + 4
    }

    /// Its body, as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.raw[self.body_at()..]).unwrap_or_default()
    }

    /// How long its body is.
    pub fn body_length(&self) -> usize {
        self.raw.len() - self.body_at()
    }

    /// Its body, as far as that is text.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.raw[self.body_at()..]).into_owned()
    }

    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.raw[..self.body_at()]).into_owned();
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, it)| it.to_owned())
    }
}

type Decide = dyn FnMut(&Request) -> Fault + Send;

/// What the threads have in common.
struct Shared {
    upstream: u16,
    decide: Mutex<Box<Decide>>,
    /// Apart from `decide`, so that a test can look while that one blocks.
    requests: Mutex<Vec<Request>>,
    /// None once the proxy is dropped. Weak: a thread closes its connection by letting go.
    connections: Mutex<Option<Vec<Weak<TcpStream>>>>,
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        // A client that is gone again is none.
        let Ok(client) = client else { continue };
        let Ok(client) = shared.connected(client) else { return };
        let shared = Arc::clone(shared);
        // An error ends the connection, and that is how the client hears of it.
        thread::spawn(move || shared.serve(&client));
    }
}

impl Shared {
    /// Sees to it that the connection ends with the proxy.
    fn connected(&self, stream: TcpStream) -> io::Result<Arc<TcpStream>> {
        let stream = Arc::new(stream);
        let mut connections = lock(&self.connections);
        connections.as_mut().ok_or(ErrorKind::NotConnected)?.push(Arc::downgrade(&stream));
        Ok(stream)
    }

    /// Answers the requests of one connection. It is closed with the return.
    fn serve(&self, mut client: &TcpStream) -> io::Result<()> {
        let mut input = BufReader::new(Peeked { stream: client, length: 0 });
        while let Some(message) = Message::read(&mut input, None)? {
            let mut last = message.last;
            let (request, fault) = self.decide(message)?;
            // What is still unread when the connection is closed makes that a reset.
            if !matches!(fault, Fault::RequestCut) {
                input.get_mut().consume()?;
            }
            let raw = match fault {
                Fault::RequestCut => return Ok(()),
                Fault::RequestLost => return wait_for_end(input),
                Fault::Answer(answer) => answer.raw(),
                Fault::None => {
                    let answer = self.ask(&request)?;
                    last |= answer.last;
                    answer.raw
                }
                Fault::AnswerCut { after } => {
                    let mut raw = self.ask(&request)?.raw;
                    raw.truncate(after);
                    last = true;
                    raw
                }
                Fault::AnswerLost => return self.ask(&request).and_then(|_| wait_for_end(input)),
                Fault::AnswerInstead(answer) => self.ask(&request).map(|_| answer.raw())?,
            };
            client.write_all(&raw)?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn decide(&self, message: Message) -> io::Result<(Request, Fault)> {
        let Message { start: [method, path, _], raw, .. } = message;
        let mut decide = self.decide.lock().map_err(|_| ErrorKind::Other)?;
        let mut requests = lock(&self.requests);
        let number = requests.len();
        let request = Request { number, at: Instant::now(), method, path, raw };
        requests.push(request.clone());
        drop(requests);
        let fault = decide(&request);
        Ok((request, fault))
    }

    /// Lets the server answer, on a connection of its own.
    fn ask(&self, request: &Request) -> io::Result<Message> {
        let server = self.connected(TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream))?)?;
        let mut server = &*server;
        server.write_all(&request.raw)?;
        let answer = Message::read(&mut BufReader::new(server), Some(&request.method))?;
        answer.ok_or(ErrorKind::UnexpectedEof.into())
    }
}

/// What comes from a client. It is only looked at, and consumed when more is asked for, so
/// that a connection can be reset: `std` has no other way.
struct Peeked<'a> {
    stream: &'a TcpStream,
    /// How much was looked at.
    length: usize,
}

impl Peeked<'_> {
    fn consume(&mut self) -> io::Result<()> {
        self.stream.read_exact(&mut vec![0; std::mem::take(&mut self.length)])
    }
}

impl Read for Peeked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.consume()?;
        self.length = self.stream.peek(buffer)?;
        Ok(self.length)
    }
}

fn wait_for_end(mut input: impl Read) -> io::Result<()> {
    io::copy(&mut input, &mut io::sink()).map(drop)
}

/// A request or an answer.
struct Message {
    /// The words of its first line.
    start: [String; 3],
    /// All of it, byte by byte.
    raw: Vec<u8>,
    /// Whether the connection ends with it.
    last: bool,
}

impl Message {
    /// Reads the answer to a request of this method, or a request; none if there is no more.
    fn read(input: &mut impl BufRead, answers: Option<&str>) -> io::Result<Option<Self>> {
        if input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let (mut raw, mut headers) = (Vec::new(), Vec::new());
        let start: Vec<_> = read_line(input, &mut raw)?.splitn(3, ' ').map(str::to_owned).collect();
        let start: [String; 3] = start.try_into().map_err(|_| ErrorKind::InvalidData)?;
        loop {
            let line = read_line(input, &mut raw)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or(ErrorKind::InvalidData)?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let is =
            |name, value| header(&headers, name).is_some_and(|v| v.eq_ignore_ascii_case(value));
        let mut last = is("connection", "close") || start.iter().any(|word| word == "HTTP/1.0");
        if answers == Some("HEAD") || answers.is_some() && ["204", "304"].contains(&&*start[1]) {
            // There is no body, whatever the headers say.
        } else if is("transfer-encoding", "chunked") {
            read_chunks(input, &mut raw)?;
        } else if let Some(length) = header(&headers, "content-length") {
            let length = length.parse().map_err(|_| ErrorKind::InvalidData)?;
            read_bytes(input, length, &mut raw)?;
        } else if answers.is_some() {
            input.read_to_end(&mut raw)?;
            last = true;
        }
        Ok(Some(Self { start, raw, last }))
    }
}

fn read_chunks(input: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let line = read_line(input, raw)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
        if size == 0 {
            break;
        }
        read_bytes(input, size, raw)?;
        // The end of the line.
        read_bytes(input, 2, raw)?;
    }
    // Headers may follow.
    while !read_line(input, raw)?.is_empty() {}
    Ok(())
}

fn read_line(input: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<String> {
    let start = raw.len();
    input.read_until(b'\n', raw)?;
    let line = raw[start..].strip_suffix(b"\r\n").ok_or(ErrorKind::InvalidData)?;
    String::from_utf8(line.to_vec()).map_err(|_| ErrorKind::InvalidData.into())
}

fn read_bytes(input: &mut impl BufRead, length: u64, raw: &mut Vec<u8>) -> io::Result<()> {
    let read = input.take(length).read_to_end(raw)?;
    if read as u64 == length { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut same = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
    same.next().map(|(_, value)| value.as_str())
}

/// Nothing panics half way through a change of what these locks guard.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
