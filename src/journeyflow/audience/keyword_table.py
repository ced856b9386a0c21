"""The words themselves, as people write them; how they are compared stands in `keywords`.

Left out on purpose, as they are everyday words to somebody else: French and Spanish "fin" (Swedish: fine),
Spanish "para" (for), French "non" as an opener ("non stop"), "nej tack" (which answers an offer).
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(
        part.strip() for line in text.strip().splitlines() for part in line.split(",") if part.strip()
    )


# An opt-out as the first word, whatever follows.
STOP_FIRST = _words(
    """
    stop, stopp, stoppp, stoppe, stoppt, stoppez, stopall, stopit, stopme, st0p, sttop, stpo, sotp
    unsubscribe, unsub, unsuscribe, unsubcribe, optout, revoke
    stoppa, avsluta, avregistrera, avregistrering, avanmäl, avanmälan, avprenumerera, sluta
    afmeld, afmelding, frameld, framelding, afslut
    avmeld, avmelding, avslutt, stans
    lopeta, lopettakaa, pysäytä
    abmelden, abmeldung, abbestellen, abbestellung, austragen, aufhören, stoppen
    afmelden, afgemeld, uitschrijven, uitschrijving, ophouden
    désabonner, désabonnez, désabonnement, désinscrire, désinscription, arrêter, arrêtez
    arrête, arrêtes
    desuscribir, desuscribirme, desuscribirse, desuscripción
    """
)

# An opt-out only when the message says nothing else: each of them begins harmless sentences as well.
STOP_ALONE = _words(
    """
    end, quit, cancel, halt, unsubscribed, remove, out, off, delete, no more, enough, leave me alone, stop it
    cancel sms, cancel texts, cancel messages, cancel subscription, end sms, end texts, end messages
    slut, avbryt, nog, avbeställ, ta bort, säg upp
    ophør, stands, slet, afbryd, nok
    slutt, avbryt, slett, meld av
    seis, peru, peruuta, peruutus, poista, eroa, loppu, lopetus, peruuta tilaus
    ende, beenden, halt, kündigen, widerruf, schluss, löschen
    einde, opzeggen, annuleren, verwijderen, genoeg
    arrêt, résilier, annuler, supprimer, assez
    alto, baja, pare, parar, cancelar, salir, terminar, basta, no más
    """
)

# An opt-out wherever it stands, unless a negation comes before it.
STOP_ANYWHERE = _words(
    """
    opt out, opt me out, opting out, unsubscribe me, unsubscribe from, want to unsubscribe
    wish to unsubscribe, how to unsubscribe, how do i unsubscribe, remove me from
    remove my number, take me off, delete my number
    stop sending, stop texting, stop messaging, stop contacting, stop spamming, stop bothering, stop writing
    stop this spam, i said stop, want this to stop, want you to stop, quit texting, quit sending
    stop messages, stop sms, stop texts, stop receiving, stop getting, stop these messages, stop these texts
    stop these sms, stop the messages, stop the texts, stop your messages, stop all messages
    how do i stop this, how do i stop these, how can i stop this, how can i stop these, make it stop
    make this stop, make these stop, make them stop, want these to stop, want them to stop, can we stop this
    un subscribe
    avregistrera mig, avanmäl mig, avregistrera mitt
    sluta skicka, sluta smsa, sluta messa, sluta skriva, sluta spamma, ta bort mig, ta bort mitt nummer
    avsluta sms, vill avsluta, vill avregistrera, vill avanmäla, stoppa utskick, stoppa sms
    stop med at sende, stop med at skrive, slet mig, slet mit nummer, vil afmeldes, vil gerne afmeldes
    vil frameldes, afmeld mig, meld mig fra
    slutt å sende, slutt med å sende, slutt å skrive, slett meg, slett nummeret mitt, meld meg av, meld meg ut
    fjern meg
    poista numeroni, poista minut, lopeta viestit, lopettakaa viestit, peruuttaa viestit, viestien lopetus
    haluan lopettaa, haluaisin lopettaa
    hör auf, hört auf, hören sie auf, möchte mich abmelden, will mich abmelden, melde mich ab, meldet mich ab
    löscht meine nummer, löschen sie meine nummer, nehmt mich raus, bitte abmelden
    stop met sms, stop met sturen, stop met berichten, wil me afmelden, wil mij afmelden, meld me af
    meld mij af, schrijf me uit, schrijf mij uit, verwijder mij, verwijder mijn nummer, graag afmelden
    arrêter les sms, arrêtez de m'écrire, arrêtez de m'envoyer, me désabonner, me désinscrire, désabonnez-moi
    désinscrivez-moi, supprimez mon numéro, retirez-moi, non arrêtez, non merci stop
    darme de baja, darse de baja, dar de baja, deme de baja, dame de baja, dejen de enviar, deja de enviar
    dejen de escribir, deja de escribir, dejen de mandar, deja de mandar
    no quiero estos mensajes, borren mi número, eliminar mi número
    leave me in peace, lämna mig ifred, lämna mig i fred, lad mig være i fred, la meg være i fred
    jättäkää minut rauhaan, lasst mich in ruhe, lassen sie mich in ruhe, laat me met rust, laat mij met rust
    laissez-moi tranquille, déjenme en paz
    """
)

# An opt-out wherever it stands: the negation is in it.
STOP_REFUSALS = _words(
    """
    no more texts, no more sms, no more messages, no more spam, not text me, not contact me, dont text me
    dont message me, dont contact me, do not text, do not message, do not contact, never text me
    never contact me, dont want these, dont want any more, do not want any more, dont send me
    inga fler sms, inga mer sms, inga fler meddelanden, inte ha fler sms, inte ha sms
    inte ha fler meddelanden, inte ha fler utskick, skicka inte fler, skicka inte mer
    ikke flere sms, ikke flere beskeder, ikke have flere, ikke flere meldinger, ikke ha flere, send ikke flere
    ikke send, ingen reklam, inga fler reklamer, ingen reklame, ikke mere reklame, ei mainoksia, keine werbung
    geen reclame, pas de pub, plus de pub, no más publicidad, no more ads, no more advertising
    ei enää viestejä, en halua viestejä, en halua enää, älkää lähettäkö, älä lähetä
    keine sms mehr, keine nachrichten mehr, keine weiteren sms, keine weiteren nachrichten
    nicht mehr schreiben, nicht mehr anschreiben, nicht mehr kontaktieren, nicht mehr schicken
    nichts mehr schicken, nichts mehr senden
    geen sms meer, geen berichten meer, geen smsjes meer, niet meer sms, stuur geen
    plus de sms, plus de messages, plus recevoir, ne m'envoyez plus, ne m'écrivez plus
    no longer want to receive, no longer wish to receive, no longer want these, no longer want your
    no más mensajes, no más sms, no quiero más, no quiero recibir, no me envíen, no me escriban
    no me envíes, no me envíe, no me mandes, no me manden, no me mande, no me escribas, no me escriba
    no me contacten
    """
)

HELP = _words(
    """
    help, help me, info, information, support, who is this, who are you
    hjälp, hjälp mig, vem är det, vilka är ni, hjælp, hjælp mig, hvem er det, hjelp, hjelp meg
    apua, neuvo, kuka tämä on, hilfe, hilf mir, wer ist das, wer sind sie
    hulp, wie is dit, wie bent u, aide, aidez-moi, qui est-ce, qui êtes-vous, ayuda, ayúdame, quién es
    """
)

START = _words(
    """
    start, unstop, restart, resume, subscribe, resubscribe, optin, opt in, opt me in, start again
    starta, börja, starta igen, begynd, begynn, aloita, starten, beginnen, wieder starten, herstart
    reprendre, réabonner, démarrer, commencer, empezar, iniciar, comenzar
    """
)

YES = _words(
    """
    yes, y, yep, yeah, yup, yes i do, i agree, agree, confirm, i confirm, confirmed
    ja, jo, jepp, japp, jag vill, bekräfta, ja det vill jag, jeg vil, bekræft, bekreft, ja det vil jeg
    kyllä, joo, juu, vahvista, vahvistan, suostun
    jawohl, bestätigen, ich bestätige, ja ich will, akkoord, bevestig, bevestigen, ik bevestig
    oui, je confirme, confirmer, d'accord, sí, sí quiero, confirmo, confirmar, acepto
    """
)

JOIN = _words(
    """
    join, join club, join now, join the club, sign up, signup, sign me up, register
    gå med, bli medlem, bli med, medlem, klubb, anmäl, anmäl mig, jag vill bli medlem
    tilmeld, tilmeld mig, bliv medlem, klub, bli med i klubben, meld meg på, meld meg inn
    liity, liity jäseneksi, jäsen, jäseneksi, liityn
    anmelden, mitmachen, beitreten, mitglied, mitglied werden, club
    aanmelden, meld me aan, meld mij aan, lid worden, lid
    rejoindre, adhérer, inscription, m'inscrire, devenir membre
    unirme, inscribirme, apuntarme, alta, hacerme socio, quiero unirme
    """
)

# Passed over at the beginning.
OPENERS = _words(
    """
    please, pls, plz, hi, hello, hey, ok, okay, yes, no, nope, thanks, just, now, and, so, dear, sorry
    hej, hejsan, hallå, snälla, nej, ja, tack, men, och, vänligen, bara
    hei, venligst, vær så snill, vennligst, nei, takk, tak, og
    moi, terve, kiitos, ole hyvä, olkaa hyvä, ei, kyllä
    hallo, bitte, nein, danke, und, guten tag, lieber, nee, graag, alsjeblieft, alstublieft, aub, dag
    bonjour, salut, oui, merci, svp, stp, s'il vous plaît, hola, sí, gracias, por favor, favor
    """
)

# Passed over before an opt-out, but before nothing else.
PREFIXES = _words("help, reply, text, send, svara, re, fw, fwd, aw, antw, wg, sv, vs, tr, rv")

# Passed over at the end.
CLOSERS = _words(
    """
    please, pls, plz, thanks, thank you, thx, now, ok, all, already, today, immediately, asap, bye, me
    tack, nu, snälla, tack så mycket, hej då, genast, allt, alla, idag
    tak, venligst, takk, nå, vennligst, med det samme, alt, alle
    kiitos, nyt, heti, kaikki
    bitte, danke, jetzt, sofort, alles, graag, alsjeblieft, alstublieft, aub, bedankt, nu, dank u
    merci, svp, stp, s'il vous plaît, maintenant, tout, por favor, gracias, ahora, ya, todo
    """
)

NEGATIONS = _words(
    """
    not, dont, don't, never, cant, can't, cannot, wont, won't, didnt, didn't, doesnt, doesn't, nor, non
    without, inte, aldrig, ej, icke, ikke, aldri, ei, en, älä, älkää, nicht, nie, niemals, kein, keine
    niet, nooit, geen, pas, jamais, ne, nunca, jamás
    """
)

# Passed over between a negation and what it negates.
FILLERS = _words("ever, please, just, you, dare, to, want, wish, like, att, å, at, zu, te, de")

# A negation after one of these asks for the thing.
WHYS = _words("why, varför, hvorfor, miksi, warum, wieso, waarom, pourquoi, qué")

# A negation that ends or follows one of these, likewise.
QUESTIONS = _words(
    """
    can't you, won't you, couldn't you, wouldn't you, can you, could you, will you, would you
    kan ni, kan du, kan I, kan dere, kannst du, könnt ihr, können Sie, kunt u, kun je, kunnen jullie
    """
)
