/* The refresh protocol of src/refresh for one grant on N nodes, as spin explores it: every order of
 * every step, every crash, every loss that the budgets below allow. README.md beside this file says
 * what is checked, what each switch takes away, and what is left to the simulation.
 *
 * Lengths of time do not occur, so a database that is away is one whose steps are not taken yet.
 * Two assumptions stand for time:
 *   quiet     a request that Salesforce has not processed when the quiet period ends never will be
 *   deadline  nobody sends after the send deadline, and a take-over waits longer than that
 */
#ifndef N
#define N 2                       /* nodes */
#endif
#ifndef REFRESHES
#define REFRESHES 4               /* claims altogether, at most 4 */
#endif
#ifndef GENERATIONS
#define GENERATIONS 3             /* refresh tokens of the grant: 0 is the first */
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef LOSSES
#define LOSSES 2                  /* requests and answers that the network swallows */
#endif
#ifndef FAILOVERS
#define FAILOVERS 1               /* each begins a new timeline */
#endif
#ifndef SWITCHES
#define SWITCHES 0                /* of Salesforce's rotation setting */
#endif
#ifndef ENDINGS
#define ENDINGS 0                 /* of the grant by its user, at Salesforce */
#endif

mtype:standing = { ACTIVE, IN_FLIGHT, UNCERTAIN, GIVEN_UP };
mtype:phase = { IDLE, CLAIMED, UNSURE, WAITING, ANSWERED, NOTED, ASKED };
mtype:answer = { NOTHING, ROTATED, KEPT, REFUSED };

/* What the store keeps of the grant. */
typedef Row {
	byte generation;
	byte attempt;
	byte timeline;                /* on which it was last confirmed by Salesforce */
	mtype:standing standing
}
/* One node: its memory, which a crash empties, and its disk, which a crash leaves alone. */
typedef Memory {
	mtype:phase phase;
	byte generation;              /* the refresh token it is about to spend or asks about */
	byte attempt;
	byte timeline;                /* of the database when it asked */
	bool alive;                   /* what Salesforce said when asked */
	mtype:answer answer           /* what lies in the socket */
}

Row row, standby;
byte timeline;                    /* of the database that accepts writes now */

Memory node[N];
byte journal[N];                  /* highest generation that a node's own journal holds */

byte travelling[5];               /* by attempt: generation + 1 of a request on its way; 0: none */
byte valid;                       /* Salesforce: the generation that has not been spent */
bool ended;                       /* Salesforce has ended the grant */
bool rotates = true;

byte attempts, crashes, losses, failovers, switches, endings;
byte in_use[GENERATIONS + 1];     /* requests on their way, by generation */
bool reused;                      /* a spent token was presented */
bool orphaned;                    /* a new token was made and never reached a journal */
byte vouched;                     /* highest generation whose access token a caller has got */
bool kept_P1 = true, kept_P2 = true, kept_P3 = true, kept_P4 = true;  /* told by their names */

#define me node[i]
#define CONFIRMED (row.timeline == timeline)
#define OURS (row.attempt == me.attempt && row.standing == IN_FLIGHT)

#define ON_ITS_WAY(g) (travelling[1] == g + 1 || travelling[2] == g + 1 || \
                       travelling[3] == g + 1 || travelling[4] == g + 1)
#define IS(n, p, g) (node[n].phase == p && node[n].generation == g)
#if N == 2
#define SOMEBODY(p, g) (IS(0, p, g) || IS(1, p, g))
#define AHEAD(g) (journal[0] > g || journal[1] > g)
#define NOTED_BY_SOMEBODY(g) (journal[0] >= g || journal[1] >= g)
#else
#define SOMEBODY(p, g) (IS(0, p, g) || IS(1, p, g) || IS(2, p, g))
#define AHEAD(g) (journal[0] > g || journal[1] > g || journal[2] > g)
#define NOTED_BY_SOMEBODY(g) (journal[0] >= g || journal[1] >= g || journal[2] >= g)
#endif

#ifdef NO_DEADLINE
#define MAY_STILL_SEND(g) (false)
#else
#define MAY_STILL_SEND(g) (SOMEBODY(CLAIMED, g))
#endif
#ifdef NO_QUIET
#define QUIET(g) (true)
#else
#define QUIET(g) (!ON_ITS_WAY(g) && !MAY_STILL_SEND(g))
#endif
#ifdef IGNORE_TIMELINE
#define SUSPECT (false)
#else
#define SUSPECT (!CONFIRMED)
#endif
#ifdef LATE_VERDICT
#define VERDICT_FITS (true)
#else
#define VERDICT_FITS (me.timeline == timeline)
#endif
#ifdef UNDO_ANY
#define UNDOABLE (row.standing == IN_FLIGHT)
#else
#define UNDOABLE OURS
#endif

/* A write is with the standby when it returns, unless replication is asynchronous: then the standby
 * follows when it likes, and a fail-over forgets what it had not got. */
inline write(becomes) {
	row.standing = becomes;
#ifndef ASYNC
	replicate()
#endif
}
inline replicate() {
	standby.generation = row.generation; standby.attempt = row.attempt;
	standby.timeline = row.timeline; standby.standing = row.standing
}
inline broken(promise) { promise = false; assert(promise) }
inline rest() {
	me.phase = IDLE; me.generation = 0; me.attempt = 0; me.timeline = 0;
	me.alive = false; me.answer = NOTHING
}
inline vouch(upto) { if :: vouched < upto -> vouched = upto :: else fi }

/* A claim whose commit is confirmed may send. One of unknown outcome may not: it is taken back. */
inline claim() {
	attempts++;
	me.phase = CLAIMED; me.generation = row.generation; me.attempt = attempts;
	if
	:: true ->
		row.attempt = attempts;
#ifdef NO_CLAIM
		write(row.standing)
#else
		write(IN_FLIGHT);
		if :: true :: me.phase = UNSURE fi
#endif
#ifdef UNKNOWN_IS_DONE
	:: true                       /* nothing was stored, and yet it goes on to send */
#endif
	fi
}
inline undo() {
	if :: UNDOABLE -> write(ACTIVE) :: else fi;
	rest()
}
inline send() {
	travelling[me.attempt] = me.generation + 1;
	in_use[me.generation]++;
	if :: in_use[me.generation] > 1 -> broken(kept_P1) :: else fi;         /* two uses at once */
	me.phase = WAITING
}
inline stop_waiting() {
	if
	:: OURS -> write(UNCERTAIN)
	:: true                       /* the store was away for too long */
	fi;
	rest()
}
inline take_down() {
	me.phase = ANSWERED;
#ifdef ACK_EARLY
	if :: me.answer == ROTATED -> vouch(me.generation + 1) :: else fi
#endif
}
inline note() {
#ifndef NO_JOURNAL
	journal[i] = me.generation + 1;
#endif
	me.phase = NOTED; me.answer = NOTHING
}
/* Fits by generation alone; confirms only a row that nobody and no fail-over has touched. */
inline settle() {
#ifdef NO_CAS
	row.generation = me.generation + 1; write(ACTIVE);
#else
	if
	:: row.generation == me.generation ->
		row.generation++;
#ifdef COMMIT_CONFIRMS
		row.timeline = timeline; write(ACTIVE)
#else
		if :: OURS && !SUSPECT -> write(ACTIVE) :: else -> write(UNCERTAIN) fi
#endif
	:: else
	fi;
#endif
	if
	:: vouch(me.generation + 1); rest()
	:: true                       /* outcome unknown: once more */
	fi
}
/* The answer kept the token: whatever is in doubt about this very attempt is settled. */
inline settle_kept() {
	if
	:: row.generation == me.generation && row.attempt == me.attempt && !SUSPECT &&
	   (row.standing == IN_FLIGHT || row.standing == UNCERTAIN) -> write(ACTIVE)
	:: else
	fi;
	rest()
}
inline settle_refused() {
	if
	:: row.generation == me.generation && row.attempt == me.attempt &&
	   (row.standing == IN_FLIGHT || row.standing == UNCERTAIN) -> write(GIVEN_UP)
	:: else
	fi;
	rest()
}
inline recover() {
	row.generation = journal[i];
#ifdef JOURNAL_TO_ACTIVE
	row.timeline = timeline; write(ACTIVE)
#else
	write(UNCERTAIN)
#endif
}
/* Asking and storing what was said are two steps; anything may happen in between. */
inline ask() {
	me.phase = ASKED; me.generation = row.generation; me.attempt = row.attempt;
	me.timeline = timeline;
#ifdef BLIND_RETRY
	me.alive = true
#else
	me.alive = (valid == row.generation && !ended)
#endif
}
inline conclude() {
	if
	:: row.standing == UNCERTAIN && row.generation == me.generation &&
	   row.attempt == me.attempt ->
		if
		:: me.alive && VERDICT_FITS -> row.timeline = timeline; write(ACTIVE)
		:: me.alive && !VERDICT_FITS -> skip
		:: !me.alive -> write(GIVEN_UP)
		fi
	:: else
	fi;
	rest()
}
inline crash() {
	crashes++;
	if :: me.answer == ROTATED -> orphaned = true :: else fi;
	rest()
}

proctype Node(byte i) {
end:
	do
	:: atomic { me.phase == IDLE && journal[i] > row.generation -> recover() }
	:: atomic { me.phase == IDLE && row.standing == ACTIVE && SUSPECT ->
		write(UNCERTAIN) }
	:: atomic { me.phase == IDLE && row.standing == ACTIVE && !SUSPECT &&
		journal[i] <= row.generation && row.generation < GENERATIONS &&
		attempts < REFRESHES -> claim() }
	:: atomic { me.phase == UNSURE -> undo() }
	:: atomic { me.phase == CLAIMED -> send() }
	:: atomic { me.phase == CLAIMED -> undo() }          /* the deadline passed */
	:: atomic { me.phase == WAITING && me.answer == NOTHING -> stop_waiting() }
	:: atomic { me.phase == WAITING && me.answer != NOTHING -> take_down() }
	:: atomic { me.phase == ANSWERED && me.answer == ROTATED -> note() }
	:: atomic { me.phase == ANSWERED && me.answer == KEPT -> settle_kept() }
	:: atomic { me.phase == ANSWERED && me.answer == REFUSED -> settle_refused() }
	:: atomic { me.phase == NOTED -> settle() }
	:: atomic { me.phase == IDLE && row.standing == IN_FLIGHT &&
		!MAY_STILL_SEND(row.generation) -> write(UNCERTAIN) }     /* take over */
	:: atomic { me.phase == IDLE && row.standing == UNCERTAIN &&
		journal[i] <= row.generation && QUIET(row.generation) -> ask() }
	:: atomic { me.phase == ASKED -> conclude() }
	:: atomic { me.phase != IDLE && crashes < CRASHES -> crash() }
	od
}

/* Gives an answer to the node that still waits for it; what nobody takes is lost. */
inline answer_to(asked, said) {
	if
	:: node[0].phase == WAITING && node[0].attempt == asked -> node[0].answer = said
	:: node[1].phase == WAITING && node[1].attempt == asked -> node[1].answer = said
#if N == 3
	:: node[2].phase == WAITING && node[2].attempt == asked -> node[2].answer = said
#endif
	:: losses < LOSSES -> losses++; if :: said == ROTATED -> orphaned = true :: else fi
	:: else -> if :: said == ROTATED -> orphaned = true :: else fi
	fi
}
proctype Salesforce() {
	byte n, g;
end:
	do
	:: atomic {
		if
		:: travelling[1] -> n = 1
		:: travelling[2] -> n = 2
		:: travelling[3] -> n = 3
		:: travelling[4] -> n = 4
		fi;
		g = travelling[n] - 1; travelling[n] = 0; in_use[g]--;
		if
		:: losses < LOSSES -> losses++
		:: g == valid && !ended && rotates -> valid++; answer_to(n, ROTATED)
		:: g == valid && !ended && !rotates -> answer_to(n, KEPT)
		:: g != valid || ended ->
			if :: g < valid -> reused = true; ended = true :: else fi;
			answer_to(n, REFUSED)
		fi;
		n = 0; g = 0 }
	:: atomic { switches < SWITCHES -> switches++; rotates = !rotates }
	:: atomic { endings < ENDINGS -> endings++; ended = true }
	od
}
proctype Database() {
end:
	do
#ifdef ASYNC
	:: atomic { failovers < FAILOVERS && (standby.generation != row.generation ||
		standby.attempt != row.attempt || standby.timeline != row.timeline ||
		standby.standing != row.standing) -> replicate() }
#endif
	:: atomic { failovers < FAILOVERS ->
		failovers++; timeline++;
		row.generation = standby.generation; row.attempt = standby.attempt;
		row.timeline = standby.timeline; row.standing = standby.standing }
	od
}

#define LIVE_ELSEWHERE (AHEAD(row.generation) || ON_ITS_WAY(row.generation) || \
	SOMEBODY(WAITING, row.generation) || SOMEBODY(ANSWERED, row.generation) || \
	SOMEBODY(NOTED, row.generation))

active proctype Judge() {
end:
	do
	:: atomic { reused -> broken(kept_P1) }
	:: atomic { vouched > row.generation && !NOTED_BY_SOMEBODY(vouched) -> broken(kept_P2) }
#ifndef WITHOUT_P3
	:: atomic { row.standing == GIVEN_UP && !orphaned && !ended && !LIVE_ELSEWHERE ->
		broken(kept_P3) }
#endif
	:: timeout ->
		if
		:: (row.standing == ACTIVE || row.standing == GIVEN_UP) && !AHEAD(row.generation)
		:: else -> broken(kept_P4)
		fi;
		break
	od
}
init {
	byte i;
	atomic {
		row.standing = ACTIVE; standby.standing = ACTIVE;
		do
		:: i < N -> me.phase = IDLE; me.answer = NOTHING; run Node(i); i++
		:: else -> break
		od;
		run Salesforce(); run Database()
	}
}
