package com.example

import kotlinx.coroutines.delay

const val MAX_RETRIES = 3

typealias Handler = (String) -> Unit

interface Repository<T> {
    suspend fun find(id: String): T?
}

data class User(val id: String, val name: String)

enum class Level { LOW, HIGH }

sealed class Result<out T> {
    data class Ok<T>(val value: T) : Result<T>()

    object Missing : Result<Nothing>()
}

/**
 * Looks users up and tries again.
 */
class UserService(private val repository: Repository<User>) {
    private var calls = 0

    suspend fun load(id: String): Result<User> {
        repeat(MAX_RETRIES) {
            val user = repository.find(id)
            if (user != null) return Result.Ok(user)
            delay(100)
        }
        return Result.Missing
    }

    companion object {
        fun create(repository: Repository<User>): UserService {
            return UserService(repository)
        }
    }
}

fun String.slug(): String = lowercase().replace(" ", "-")

fun main(args: Array<String>) {
    println(args.joinToString().slug())
}
